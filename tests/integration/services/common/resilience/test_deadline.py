"""One deadline, from a client through Manager, Worker and Evaluator to models and sandbox."""

import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

Chain = Any  # of the conftest, which can't be imported
StartChain = Callable[..., Awaitable[Chain]]

GUIDE = "/api/v1/request"
DOOR = "/v1/chat/completions"
EVALUATE = "/api/v1/evaluate"
ASK = {"user_input": "Write a function to sort a list", "task_type": "code_generation"}
CODE = "```python\ndef sort(items: list) -> list:\n    '''Sort.'''\n    return sorted(items)\n```"
ENDLESS = "```python\ndef sort_list(items: list) -> list:\n    while True:\n        pass\n```"
CHAT = {"model": "code_generation", "messages": [{"role": "user", "content": "Say hello."}]}
HOUR = 3600


def graded(score: float) -> str:
    return json.dumps({"score": score, "reason": "fine", "confidence": 0.9})


def evaluation(output: str = CODE) -> dict[str, Any]:
    return {
        "request_id": str(uuid4()),
        "refined_input": ASK["user_input"],
        "worker_output": output,
        **ASK,
    }


def moment(seconds: float) -> str:
    return str(round((time.time() + seconds) * 1000))


async def rows_of(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    rows = await connection.fetch("SELECT * FROM execution_logs ORDER BY id")
    return [dict(row) for row in rows]


async def close_grade(chain: Chain) -> str:
    """Return a grade of the judge with which the score stands on the threshold."""
    _, answer = await chain.ask("evaluator", EVALUATE, evaluation())
    chain.judge.asked.clear()
    return graded((0.7 - 0.4 * answer["detail"]["rule_score"]) / 0.6)


async def test_each_service_is_told_how_long_its_caller_waits(
    chain: Chain, connection: asyncpg.Connection
) -> None:
    status, _ = await chain.ask("manager", GUIDE, ASK)
    assert status == 200
    for tap, bound in ((chain.to_worker, 90), (chain.to_evaluator, 60)):
        [headers] = tap.headers
        assert int(headers["x-selfheal-remaining-ms"]) == bound * 1000
        assert int(headers["x-selfheal-deadline"]) / 1000 - time.time() <= bound


async def test_a_clients_own_deadline_goes_all_the_way(
    chain: Chain, connection: asyncpg.Connection
) -> None:
    for told in ({"x_selfheal_deadline": moment(30)}, {"x_selfheal_remaining_ms": "30000"}):
        assert (await chain.ask("manager", GUIDE, ASK, **told))[0] == 200
    for headers in (*chain.to_worker.headers, *chain.to_evaluator.headers):
        assert int(headers["x-selfheal-remaining-ms"]) <= 29_000


async def test_what_can_be_no_deadline_is_none(
    chain: Chain, connection: asyncpg.Connection
) -> None:
    for told in ("soon", moment(HOUR), moment(-HOUR)):
        assert (await chain.ask("manager", GUIDE, ASK, x_selfheal_deadline=told))[0] == 200
    remaining = [headers["x-selfheal-remaining-ms"] for headers in chain.to_worker.headers]
    assert remaining == ["90000"] * 3


async def test_what_comes_too_late_is_refused_and_asks_nobody(
    chain: Chain, connection: asyncpg.Connection
) -> None:
    late = {"x_selfheal_deadline": moment(-1)}
    status, answer = await chain.ask("manager", GUIDE, ASK, **late)
    assert (status, answer["code"]) == (504, "deadline_passed")
    status, answer = await chain.ask("manager", DOOR, CHAT, **late)
    assert (status, answer["error"]["code"]) == (504, "deadline_passed")
    assert (await chain.session.get(chain.urls["manager"] + "/health", headers=late)).status == 200
    assert (chain.model.asked, await rows_of(connection)) == ([], [])


@pytest.mark.parametrize(
    ("path", "body"),
    [(GUIDE, ASK), (DOOR, CHAT), (DOOR, CHAT | {"stream": True})],
    ids=["guide", "door", "stream"],
)
async def test_a_model_that_hangs_is_given_up_in_time_and_not_blamed(
    chain: Chain, connection: asyncpg.Connection, path: str, body: dict[str, Any]
) -> None:
    chain.model.replies = [None]
    status, answer = await chain.ask("manager", path, body, x_selfheal_remaining_ms="2000")

    assert status == 504
    assert answer.get("error", answer)["code"] == "worker_failed"
    await chain.model.wait_until_left()
    [row] = await rows_of(connection)
    assert row["evaluation_detail"]["error"] == {"service": "worker", "code": "deadline_passed"}
    assert re.match(
        r"worker_failed: The worker gave no answer in [01]\.\d+ s", row["error_message"]
    )


async def test_an_answer_without_time_for_its_score_is_kept_unscored(
    chain: Chain, connection: asyncpg.Connection
) -> None:
    chain.judge.replies = [None]
    status, answer = await chain.ask("manager", GUIDE, ASK, x_selfheal_remaining_ms="2000")

    assert (status, answer["code"]) == (504, "evaluator_failed")
    await chain.judge.wait_until_left()
    [row] = await rows_of(connection)
    assert (row["worker_output"], row["evaluation_score"]) == (CODE, None)
    assert row["evaluation_detail"]["error"] == {"service": "evaluator", "code": "deadline_passed"}


async def test_a_second_look_that_hangs_leaves_the_first_grade(chain: Chain) -> None:
    chain.judge.replies = [await close_grade(chain), None]
    status, answer = await chain.ask(
        "evaluator", EVALUATE, evaluation(), x_selfheal_remaining_ms="2000"
    )

    assert status == 200
    judge = answer["detail"]["judge"]
    assert judge["second_look"] == "failed: out_of_time"
    assert judge["judgements"] == [judge["score"]]
    assert len(chain.judge.asked) == 2
    await chain.judge.wait_until_left()


async def test_a_second_look_that_comes_counts_and_says_nothing(chain: Chain) -> None:
    grade = await close_grade(chain)
    chain.judge.replies = [grade, grade]
    _, answer = await chain.ask("evaluator", EVALUATE, evaluation())
    judge = answer["detail"]["judge"]
    assert (len(judge["judgements"]), judge["second_look"]) == (2, "")


async def test_a_first_look_that_hangs_leaves_the_answer_unscored(chain: Chain) -> None:
    chain.judge.replies = [None]
    status, answer = await chain.ask(
        "evaluator", EVALUATE, evaluation(), x_selfheal_remaining_ms="1000"
    )
    assert (status, answer["code"]) == (504, "out_of_time")


async def test_a_run_that_the_deadline_cuts_short_gives_no_verdict_and_frees_its_slot(
    chain: Chain,
) -> None:
    status, answer = await chain.ask(
        "evaluator", EVALUATE, evaluation(ENDLESS), x_selfheal_remaining_ms="1500"
    )
    assert (status, answer["code"]) == (504, "out_of_time")
    assert chain.judge.asked == []

    status, answer = await chain.ask("evaluator", EVALUATE, evaluation())
    assert (status, answer["detail"]["execution"]["status"]) == (200, "finished")
    assert chain.runs_left == 1


async def test_scoring_ends_before_its_claim_does(
    start_chain: StartChain, connection: asyncpg.Connection
) -> None:
    chain = await start_chain(evaluator_timeout_seconds=20)
    assert (await chain.ask("manager", DOOR, CHAT))[0] == 200
    await chain.judge.is_asked.wait()
    [headers] = chain.to_evaluator.headers
    assert headers["x-selfheal-remaining-ms"] == "20000"
