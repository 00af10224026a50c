"""Whoever hangs up ends what is done for them, as far as it goes."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

Chain = Any  # of the conftest, which can't be imported

GUIDE = "/api/v1/request"
EVALUATE = "/api/v1/evaluate"
ASK = {"user_input": "Write a function to sort a list", "task_type": "code_generation"}
CODE = "```python\ndef sort(items: list) -> list:\n    '''Sort.'''\n    return sorted(items)\n```"
ENDLESS = "```python\ndef sort_list(items: list) -> list:\n    while True:\n        pass\n```"
GONE = {"service": "client", "code": "client_closed"}


def evaluation(output: str = CODE) -> dict[str, Any]:
    return {
        "request_id": str(uuid4()),
        "refined_input": ASK["user_input"],
        "worker_output": output,
        **ASK,
    }


async def read_row(connection: asyncpg.Connection) -> dict[str, Any]:
    """Wait for the one row that there is."""
    async with asyncio.timeout(10):
        # It is written for nobody who could be told.
        while not (rows := await connection.fetch("SELECT * FROM execution_logs")):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    [row] = rows
    return dict(row)


async def test_who_hangs_up_at_the_worker_ends_the_models_call(
    chain: Chain, connection: asyncpg.Connection
) -> None:
    chain.model.replies = [None]
    body = {"request_id": str(uuid4()), "task_type": "code_generation", "refined_input": "Sort."}
    await chain.hang_up("worker", "/api/v1/task", body, when=chain.model.is_asked)
    await chain.model.wait_until_left()


async def test_who_hangs_up_at_the_evaluator_ends_the_judges_call(chain: Chain) -> None:
    chain.judge.replies = [None]
    await chain.hang_up("evaluator", EVALUATE, evaluation(), when=chain.judge.is_asked)
    await chain.judge.wait_until_left()


async def test_who_hangs_up_at_the_evaluator_ends_the_run_and_its_slot_is_free(
    chain: Chain,
) -> None:
    await chain.hang_up("evaluator", EVALUATE, evaluation(ENDLESS), when=chain.run_has_begun)
    status, answer = await chain.ask("evaluator", EVALUATE, evaluation())
    assert (status, answer["detail"]["execution"]["status"]) == (200, "finished")
    assert chain.runs_left == 1


async def test_who_hangs_up_before_the_answer_ends_the_models_call_and_leaves_one_row(
    chain: Chain, connection: asyncpg.Connection
) -> None:
    chain.model.replies = [None]
    await chain.hang_up("manager", GUIDE, ASK, when=chain.model.is_asked)
    await chain.model.wait_until_left()

    row = await read_row(connection)
    assert (row["worker_output"], row["error_message"]) == (None, None)
    assert row["evaluation_detail"] == {"error": GONE}
    async with chain.session.get(
        f"{chain.urls['manager']}/api/v1/requests/{row['request_id']}"
    ) as shown:
        assert (await shown.json())["evaluation"] == "client_closed"


async def test_who_hangs_up_before_the_score_ends_the_judges_call_and_the_answer_is_kept(
    chain: Chain, connection: asyncpg.Connection
) -> None:
    chain.judge.replies = [None]
    await chain.hang_up("manager", GUIDE, ASK, when=chain.judge.is_asked)
    await chain.judge.wait_until_left()

    row = await read_row(connection)
    assert (row["worker_output"], row["evaluation_score"], row["error_message"]) == (
        CODE,
        None,
        None,
    )
    assert row["evaluation_detail"]["error"] == GONE
    assert len(chain.model.asked) == 1


async def test_what_is_done_for_a_call_with_a_key_goes_on(
    chain: Chain, connection: asyncpg.Connection
) -> None:
    await chain.hang_up("manager", GUIDE, ASK, when=chain.model.is_asked, idempotency_key="k")

    row = await read_row(connection)
    assert row["evaluation_score"] is not None
    status, again = await chain.ask("manager", GUIDE, ASK, idempotency_key="k")
    assert (status, again["request_id"]) == (200, str(row["request_id"]))
    assert (len(chain.model.asked), len(chain.judge.asked)) == (1, 1)


@pytest.mark.parametrize("stream", [False, True])
async def test_who_hangs_up_at_the_door_ends_the_models_call(
    chain: Chain, connection: asyncpg.Connection, stream: bool
) -> None:
    chain.model.replies = [None]
    body = {"model": "code_generation", "messages": [{"role": "user", "content": "Hi"}]}
    when = chain.model.is_asked
    await chain.hang_up("manager", "/v1/chat/completions", body | {"stream": stream}, when=when)
    await chain.model.wait_until_left()


async def test_who_hangs_up_at_a_trial_ends_the_judges_call(
    chain: Chain, connection: asyncpg.Connection
) -> None:
    chain.judge.replies = [None]
    body = {"task_type": "code_generation", "user_input": "Sort.", "worker_output": CODE}
    async with chain.session.get(f"{chain.urls['manager']}/api/v1/admin/session") as session:
        token = (await session.json())["csrf_token"]
    path = "/api/v1/admin/evaluations"
    await chain.hang_up("manager", path, body, when=chain.judge.is_asked, x_csrf_token=token)
    await chain.judge.wait_until_left()
