"""Conversations while a text is being rolled out: whose arm is whose, and what is kept of it."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from support.stub_worker import HEADERS, StubWorker

from selfheal.task_types.scaffold import write_scaffold

Connection = asyncpg.Connection
StartDoor = Callable[..., Awaitable[Any]]

ROLLOUT = "99999999-2222-4333-8444-555555555555"
ARM = {"rollout": ROLLOUT, "arm": "candidate", "unit": "0123456789abcdef"}
ARM_HEADERS = {
    "x-selfheal-rollout": f"{ROLLOUT}/candidate",
    "x-selfheal-unit": "0123456789abcdef",
}
OF_CANDIDATE = {
    name: value for name, value in HEADERS.items() if name != "x-selfheal-prompt-id"
} | {"x-selfheal-prompt-version": "2", **ARM_HEADERS}
SELECT_ANSWERS = "SELECT rollout_id::text AS rollout, arm, unit FROM selfheal.rollout_answers"
SELECT_MARKS = "SELECT with_judge, rules_share, judge_share FROM selfheal.pending_scores"
SAMPLED = "sampling = { rules = 1e-9, judge = 1e-9 }\n"


async def read_answers(connection: Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in await connection.fetch(SELECT_ANSWERS)]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_of_a_rollout_is_told_kept_and_noted(
    door: Any, worker: StubWorker, connection: Connection, stream: bool
) -> None:
    worker.headers = OF_CANDIDATE
    headers = (await door.stream())[1] if stream else (await door.ask())[2]

    assert headers["x-selfheal-rollout"] == f"{ROLLOUT}/candidate"
    assert headers["x-selfheal-prompt-version"] == "2"
    assert "x-selfheal-unit" not in headers
    assert "x-selfheal-prompt-id" not in headers
    told = await door.show(headers["x-selfheal-request-id"])
    assert told["prompt_version"] == 2
    assert told["evaluation_detail"]["worker"] == {"model": "gpt-x-2026", **ARM}
    assert told["conversation"]["prompt_id"] is None
    assert await read_answers(connection) == [ARM]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_on_an_arm_is_noted_with_it(
    door: Any, worker: StubWorker, connection: Connection, stream: bool
) -> None:
    worker.fail(502, "model_unavailable", x_selfheal_rollout=f"{ROLLOUT}/incumbent")
    assert worker.failure is not None
    worker.failure[2]["x-selfheal-unit"] = ARM["unit"]
    status, _, headers = await door.ask(stream=stream)

    assert status == 502
    assert headers["x-selfheal-rollout"] == f"{ROLLOUT}/incumbent"
    assert "x-selfheal-unit" not in headers
    [row] = await connection.fetch("SELECT * FROM execution_logs")
    assert row["error_message"]
    assert row["evaluation_detail"]["worker"] == ARM | {"arm": "incumbent"}
    assert await read_answers(connection) == [ARM | {"arm": "incumbent"}]


@pytest.mark.parametrize("arm", ["candidate", "incumbent"])
async def test_what_a_provider_refuses_on_an_arm_is_kept_for_the_comparison_alone(
    door: Any, worker: StubWorker, connection: Connection, arm: str
) -> None:
    worker.fail(502, "model_refused_request", x_selfheal_rollout=f"{ROLLOUT}/{arm}")
    assert worker.failure is not None
    worker.failure[2]["x-selfheal-unit"] = ARM["unit"]
    status, _, _ = await door.ask()

    assert status == 400
    [row] = await connection.fetch("SELECT * FROM execution_logs")
    assert row["error_message"] is None
    assert row["evaluation_detail"]["error"]["code"] == "model_refused_request"
    assert await read_answers(connection) == [ARM | {"arm": arm}]
    assert await connection.fetchval("SELECT count(*) FROM selfheal.pending_scores") == 0


async def test_a_unit_is_a_session_else_an_end_user_else_none(
    door: Any, worker: StubWorker
) -> None:
    for changes in (
        {"selfheal": {"session_id": "s", "end_user": "e"}, "user": "u"},
        {"selfheal": {"end_user": "e"}, "user": "u"},
        {"user": "e"},
        {"safety_identifier": "e"},
        {"user": ""},
        {},
    ):
        await door.ask(**changes)
    units = [task["unit"] for task in worker.tasks]

    session, user = (
        hashlib.sha256(name.encode()).hexdigest() for name in ("session:s", "end_user:e")
    )
    assert units == [session, user, user, user, None, None]


async def test_answers_of_a_rollout_are_all_scored(
    start_door: StartDoor, worker: StubWorker, connection: Connection, tmp_path: Path
) -> None:
    write_scaffold(tmp_path, "greeting")
    definition = tmp_path / "greeting" / "task_type.toml"
    definition.write_text(SAMPLED + definition.read_text())
    door = await start_door(task_types_dir=tmp_path)
    for _ in range(3):
        await door.ask(model="greeting")
    assert await connection.fetch(SELECT_MARKS) == []
    worker.headers = HEADERS | ARM_HEADERS
    for _ in range(3):
        await door.ask(model="greeting")
    marks = [tuple(row) for row in await connection.fetch(SELECT_MARKS)]
    assert marks == [(True, 1, 1)] * 3


async def test_a_retry_hears_of_the_same_arm(door: Any, worker: StubWorker) -> None:
    async def ask() -> Any:
        headers = {"Content-Type": "application/json", "Idempotency-Key": "once"}
        body = {"model": "code_generation", "messages": [{"role": "user", "content": "Hi."}]}
        content = json.dumps(body)
        async with door.session.post(
            "/v1/chat/completions", data=content, headers=headers
        ) as answer:
            await answer.read()
            return answer.headers

    worker.headers = OF_CANDIDATE
    first = await ask()
    worker.headers = HEADERS
    retry = await ask()
    assert retry["idempotent-replayed"] == "true"
    for headers in (first, retry):
        assert headers["x-selfheal-rollout"] == f"{ROLLOUT}/candidate"
        assert headers["x-selfheal-prompt-version"] == "2"
