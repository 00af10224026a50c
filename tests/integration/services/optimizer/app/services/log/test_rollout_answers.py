"""What a rollout's two arms answered, read from a real database."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from support.rollouts import open_rollout

from services.common.record.rollouts.rollout import Rollout, load_open_rollouts
from services.optimizer.app.services.log.rollout_answers import load_answers
from services.optimizer.app.services.rollout.evidence import ArmAnswer, Evidence
from services.optimizer.app.services.rollout.judge import ABORT, REFUSES, judge

Connection = asyncpg.Connection
LogResult = Callable[..., Awaitable[None]]
Log = Callable[..., Awaitable[None]]

EVALUATOR_FAILED = {"error": {"service": "evaluator", "code": "evaluator_failed"}}
REFUSED = {"error": {"service": "worker", "code": "model_refused_request"}}
HUNG_UP = {"error": {"service": "client", "code": "client_closed"}}
NO_MESSAGE = "UPDATE execution_logs SET error_message = NULL"
MARK = """
    INSERT INTO selfheal.pending_scores
        (execution_id, task_type, with_judge, rules_share, judge_share)
    SELECT id, task_type, FALSE, 1, 1 FROM execution_logs WHERE evaluation_passed IS NULL
"""


@pytest.fixture
async def rollout(connection: Connection) -> Rollout:
    await open_rollout(connection, share=0.5)
    [found] = await load_open_rollouts(connection)
    return found


@pytest.fixture
def log_answer(log_result: LogResult, rollout: Rollout) -> Log:
    """Logs an answer of an arm as the Manager does, each of a unit of its own by default."""
    count = 0

    async def log(
        arm: str, *, score: float | None = 0.9, unit: str = "", detail: dict[str, Any] | None = None
    ) -> None:
        nonlocal count
        count += 1
        worker = {
            "model": "a-model",
            "rollout": str(rollout.id),
            "arm": arm,
            "unit": unit or f"unit {count}",
        }
        judged = {"evaluator": {"fingerprint": "fake"}} if score is not None else {}
        await log_result(
            score=score,
            passed=None if score is None else score >= 0.7,
            detail={"worker": worker, **judged, **(detail or {})},
        )

    return log


async def take_in(connection: Connection, rollout: Rollout) -> Evidence:
    records = await load_answers(connection, rollout, since=0, through=0)
    return Evidence().take_in(ArmAnswer(**record) for record in records)


async def test_answers_that_nobody_can_judge_speak_against_the_arm_that_gives_them(
    connection: Connection, rollout: Rollout, log_answer: Log
) -> None:
    for n in range(90):
        await log_answer("incumbent")
        is_mute = n % 2 == 0
        await log_answer(
            "candidate",
            score=None if is_mute else 0.9,
            detail=EVALUATOR_FAILED if is_mute else None,
        )
    judgement = judge(await take_in(connection, rollout), margin=0.05)
    assert (judgement.outcome, judgement.reason) == (ABORT, REFUSES)


async def test_who_hangs_up_keeps_nobody_waiting(
    connection: Connection, rollout: Rollout, log_answer: Log
) -> None:
    await log_answer("candidate", score=None, detail=HUNG_UP)
    await connection.execute(NO_MESSAGE)
    for arm in ("incumbent", "candidate"):
        await log_answer(arm)
    evidence = await take_in(connection, rollout)
    assert len(evidence.step.live.gains) == 1
    assert evidence.served.gains == [-1.0]


async def test_a_model_that_hangs_on_both_arms_is_no_evidence(
    connection: Connection, rollout: Rollout, log_answer: Log
) -> None:
    for arm in ("candidate", "incumbent") * 2:
        await log_answer(arm, score=None, detail={"error": {"service": "worker", "code": "late"}})
    evidence = await take_in(connection, rollout)
    assert evidence.step.live.gains == evidence.step.counted.gains == []
    assert (evidence.served.gains, evidence.through) == ([0.0, 0.0], 4)


async def test_what_a_provider_refuses_counts_as_not_answered(
    connection: Connection, rollout: Rollout, log_answer: Log
) -> None:
    await log_answer("candidate", score=None, detail=REFUSED)
    await connection.execute(NO_MESSAGE)
    await log_answer("incumbent")
    evidence = await take_in(connection, rollout)
    assert (evidence.step.live.gains, evidence.served.gains) == ([-0.9], [-1.0])


async def test_what_was_not_kept_whole_was_answered_and_is_never_scored(
    connection: Connection, rollout: Rollout, log_answer: Log
) -> None:
    await log_answer("candidate", score=None)
    await connection.execute(NO_MESSAGE)
    for arm in ("incumbent", "candidate"):
        await log_answer(arm)
    evidence = await take_in(connection, rollout)
    assert (len(evidence.step.live.gains), evidence.served.gains) == (1, [0.0])


async def test_what_waits_for_its_score_is_waited_for(
    connection: Connection, rollout: Rollout, log_answer: Log
) -> None:
    await log_answer("candidate", score=None)
    await connection.execute(NO_MESSAGE)
    await connection.execute(MARK)
    for arm in ("incumbent", "candidate"):
        await log_answer(arm)
    assert await take_in(connection, rollout) == Evidence()


async def test_of_one_who_sends_nearly_all_one_answer_counts(
    connection: Connection, rollout: Rollout, log_answer: Log
) -> None:
    for _ in range(60):
        await log_answer("candidate", unit="somebody")
    await log_answer("incumbent", score=0.4)
    evidence = await take_in(connection, rollout)
    assert evidence.step.live.gains == [0.5]
    assert evidence.through == 61  # nothing is read twice
    assert await load_answers(connection, rollout, since=0, through=61) == []


async def test_a_log_that_begins_anew_is_written_to(
    connection: Connection, rollout: Rollout, log_answer: Log, log_result: LogResult
) -> None:
    await log_answer("candidate")
    await connection.execute("TRUNCATE execution_logs RESTART IDENTITY CASCADE")
    await log_answer("incumbent")
    await log_result()
    arms = await connection.fetch("SELECT arm FROM selfheal.rollout_answers")
    assert [record["arm"] for record in arms] == ["incumbent"]


async def test_a_row_that_names_no_canary_is_kept_as_any_other(
    connection: Connection, log_result: LogResult
) -> None:
    for rollout in ("the blue one", "-" * 36, ""):
        await log_result(detail={"worker": {"rollout": rollout, "arm": "candidate"}})
    assert await connection.fetchval("SELECT count(*) FROM execution_logs") == 3
    assert await connection.fetchval("SELECT count(*) FROM selfheal.rollout_answers") == 0
