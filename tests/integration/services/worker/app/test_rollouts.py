"""A Worker while a text is being rolled out, on a real database."""

import hashlib
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from support.rollouts import open_rollout

from services.common.errors.model import ModelContentFilteredError

Connection = asyncpg.Connection
ID = UUID("11111111-2222-4333-8444-555555555555")
TEXT = "Rolled out."
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()
MESSAGES = [{"role": "user", "content": "Hi"}]


async def perform(worker: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    task = {"request_id": str(uuid4()), "task_type": "code_generation", "refined_input": "Sort."}
    return await worker.post("/api/v1/task", json=task | changes)


async def chat(worker: httpx.AsyncClient, *, unit: str | None = None, **changes: Any) -> Any:
    request = {"model": "code_generation", "messages": MESSAGES, **changes}
    task = {"request_id": str(uuid4()), "task_type": "code_generation", "request": request}
    return await worker.post("/api/v1/chat", json=task | {"unit": unit})


async def test_a_task_tells_which_arm_answered(
    worker: httpx.AsyncClient, connection: Connection
) -> None:
    rollout_id = str(await open_rollout(connection))
    body = (await perform(worker, unit="u")).json()

    assert (body["output"], body["prompt_version"]) == (TEXT, 2)
    assert (body["rollout"], body["arm"]) == (rollout_id, "candidate")
    assert len(body["unit"]) == 16
    replay = (await perform(worker, unit="u", purpose="replay")).json()
    assert replay["prompt_version"] == 1
    assert "rollout" not in replay


@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_tells_which_arm_answered(
    worker: httpx.AsyncClient, connection: Connection, stream: bool
) -> None:
    """The model here is one of LangChain's."""
    rollout_id = await open_rollout(connection)
    answer = await chat(worker, unit="u", stream=stream)

    assert answer.status_code == 200
    assert "Rolled" in answer.text
    assert answer.headers["x-selfheal-rollout"] == f"{rollout_id}/candidate"
    assert len(answer.headers["x-selfheal-unit"]) == 16
    assert answer.headers["x-selfheal-prompt-version"] == "2"
    assert answer.headers["x-selfheal-prompt-digest"] == DIGEST
    assert "x-selfheal-prompt-id" not in answer.headers


async def test_the_share_is_kept_and_a_unit_keeps_its_arm(
    worker: httpx.AsyncClient, connection: Connection
) -> None:
    rollout_id = await open_rollout(connection, share=0.3, rollout_id=ID)
    arms = {}
    for unit in map(str, range(30)):
        arms[unit] = {(await chat(worker, unit=unit)).headers["x-selfheal-rollout"] for _ in "ab"}
    assert all(len(one) == 1 for one in arms.values())
    first = {unit for unit, told in arms.items() if told == {f"{rollout_id}/candidate"}}
    assert 4 <= len(first) <= 14

    await connection.execute("UPDATE selfheal.rollouts SET share = 0.6")
    for unit in first:
        told = (await chat(worker, unit=unit)).headers["x-selfheal-rollout"]
        assert told == f"{rollout_id}/candidate"
    await connection.execute("UPDATE selfheal.rollouts SET share = 0")
    paused = await chat(worker, unit=min(first))
    assert paused.headers["x-selfheal-rollout"] == f"{rollout_id}/incumbent"
    assert paused.headers["x-selfheal-prompt-version"] == "1"


async def test_a_failure_tells_of_which_arm_it_is(
    worker: httpx.AsyncClient, connection: Connection, model: Any
) -> None:
    rollout_id = await open_rollout(connection)
    model.error = ModelContentFilteredError("withheld")
    for answer in (await perform(worker), await chat(worker), await chat(worker, stream=True)):
        assert answer.status_code >= 400
        assert answer.headers["x-selfheal-rollout"] == f"{rollout_id}/candidate"
        assert len(answer.headers["x-selfheal-unit"]) == 16


async def test_the_share_is_a_metric(worker: httpx.AsyncClient, connection: Connection) -> None:
    await open_rollout(connection, share=0.5)
    metrics = (await worker.get("/metrics/")).text

    assert 'agent_canary_share{task_type="code_generation"} 0.5' in metrics


@pytest.mark.parametrize("unit", ["", "x" * 201, 5])
async def test_a_unit_that_is_none_is_refused(worker: httpx.AsyncClient, unit: Any) -> None:
    assert (await perform(worker, unit=unit)).status_code == 422
