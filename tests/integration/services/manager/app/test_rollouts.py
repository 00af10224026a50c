"""A real Worker behind a real Manager: whom a text is served to that is being rolled out."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest
import uvicorn
from fastapi import FastAPI
from support.rollouts import end_rollout, open_rollout

from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.config import Settings
from services.manager.app.main import create_manager
from services.worker.app.main import create_worker

Connection = asyncpg.Connection
MakeSettings = Callable[..., Settings]
# What is drawn by it is drawn in every run of the tests.
ID = UUID("11111111-2222-4333-8444-555555555555")
HELLO = "Answer every request with: Hello World"
SELECT_ARMS = """
    SELECT a.arm, a.unit, l.prompt_version AS version FROM selfheal.rollout_answers AS a
    JOIN execution_logs AS l ON l.id = a.execution_id ORDER BY l.id
"""


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """Serve an application over HTTP; gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, loop="none", ws="none", log_config=None)
        server = uvicorn.Server(config)
        listener.listen()
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@pytest.fixture
async def client(
    make_settings: MakeSettings, database_server: EmbeddedPostgres, connection: Connection
) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a Manager whose Worker obeys prompts; there is no Evaluator."""
    urls = database_server.service_urls
    worker = create_worker(make_settings(database_url=urls["worker"]))
    async with serving(worker) as worker_url:
        settings = make_settings(worker_url=worker_url, evaluator_url="http://127.0.0.1:9")
        async with (
            serving(create_manager(settings)) as url,
            aiohttp.ClientSession(url) as session,
        ):
            yield session


async def ask(client: aiohttp.ClientSession, **more: Any) -> Any:
    body = {"model": "code_generation", "messages": [{"role": "user", "content": "Sort."}], **more}
    async with client.post("/v1/chat/completions", json=body) as answer:
        await answer.read()
        assert answer.status == 200
        return answer.headers


async def test_whose_arm_is_whose(client: aiohttp.ClientSession, connection: Connection) -> None:
    rollout_id = await open_rollout(connection, share=0.5, content=HELLO, rollout_id=ID)

    async def list_arms(count: int, **more: Any) -> list[str]:
        answers = await asyncio.gather(*(ask(client, **more) for _ in range(count)))
        told = [headers["x-selfheal-rollout"] for headers in answers]
        assert all(one.startswith(f"{rollout_id}/") for one in told)
        versions = [headers["x-selfheal-prompt-version"] for headers in answers]
        assert [version == "2" for version in versions] == [
            one.endswith("/candidate") for one in told
        ]
        return told

    # Each session and each user keeps its arm; requests of nobody are drawn one by one.
    for named in ("session_id", "end_user"):
        by_unit = [await list_arms(2, selfheal={named: str(number)}) for number in range(8)]
        assert all(len(set(told)) == 1 for told in by_unit)
        assert len({told[0] for told in by_unit}) == 2
    assert min(Counter(await list_arms(30)).values()) > 3

    rows = await connection.fetch(SELECT_ARMS)
    assert len(rows) == 2 * 16 + 30
    assert len({row["unit"] for row in rows}) == 8 + 8 + 30
    assert all((row["version"] == 2) == (row["arm"] == "candidate") for row in rows)


async def test_the_guides_route_draws_each_request_by_itself(
    client: aiohttp.ClientSession, connection: Connection
) -> None:
    await open_rollout(connection, share=0.5, content=HELLO)
    body = {"user_input": "Sort.", "task_type": "code_generation"}

    async def request() -> str:
        # Without an Evaluator there is no score; the row is there, and the arm is told.
        async with client.post("/api/v1/request", json=body) as answer:
            assert json.loads(await answer.read())["code"] == "evaluator_failed"
            return answer.headers["x-selfheal-rollout"]

    told = Counter(await asyncio.gather(*(request() for _ in range(30))))
    assert min(told.values()) > 3
    rows = await connection.fetch(SELECT_ARMS)
    assert len({row["unit"] for row in rows}) == 30


async def test_a_persons_deploy_and_the_end_of_a_rollout_serve_all_at_once(
    client: aiohttp.ClientSession, connection: Connection
) -> None:
    rollout_id = await open_rollout(connection, content=HELLO)
    assert (await ask(client))["x-selfheal-prompt-version"] == "2"
    await end_rollout(connection, rollout_id)
    headers = await ask(client)
    assert headers["x-selfheal-prompt-version"] == "1"
    assert "x-selfheal-rollout" not in headers

    await open_rollout(connection, content=HELLO)
    await connection.execute(
        "INSERT INTO prompts (task_type, content, version) VALUES ('code_generation', 'Mine.', 2)"
    )
    headers = await ask(client)
    assert headers["x-selfheal-prompt-version"] == "2"
    assert "x-selfheal-rollout" not in headers
    assert headers["x-selfheal-prompt-id"]
