"""Tests for `scorers.py` and `claims.py`: answers get their scores after they were given."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

import asyncpg
import pytest
from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs
from support.polling import until

from services.common.database import Database
from services.common.siblings import EvaluatorClient
from services.common.tracing.telemetry import OFF, Telemetry, switch
from services.manager.app.scoring.attention import Attention
from services.manager.app.scoring.claims import PendingScores
from services.manager.app.scoring.scorers import ATTEMPTS, Scorers

from .conftest import FakeEvaluator, LeaveMarked

Connection = asyncpg.Connection
Scoring = Callable[..., AbstractAsyncContextManager[Scorers]]
ROW = "SELECT * FROM execution_logs WHERE id = $1"
PROBABILITY = "SELECT inclusion_probability FROM selfheal.conversations WHERE execution_id = $1"
PENDING = "SELECT count(*) FROM selfheal.pending_scores"
DUE_AT_ONCE = "UPDATE selfheal.pending_scores SET claimable_at = now()"


@pytest.fixture
def pending(database: Database) -> PendingScores:
    return PendingScores(database, lease_seconds=60)


@pytest.fixture
def scoring(database: Database, pending: PendingScores, evaluator: FakeEvaluator) -> Scoring:
    """Scores what waits, by the test's Evaluator or another one."""

    @asynccontextmanager
    async def score(by: FakeEvaluator = evaluator) -> AsyncIterator[Scorers]:
        scorers = Scorers(
            pending=pending,
            evaluator=cast(EvaluatorClient, by),
            attention=Attention(database, []),
            concurrency=4,
        )
        scorers.start()
        try:
            yield scorers
        finally:
            await scorers.close()

    return score


async def is_all_scored(connection: Connection) -> bool:
    return await connection.fetchval(PENDING) == 0


async def test_a_score_belongs_to_the_trace_of_its_answer_after_a_restart_too(
    connection: Connection, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    row = await leave_marked()
    parent = f"00-{'1' * 32}-{'2' * 16}-01"
    await connection.execute("UPDATE selfheal.pending_scores SET trace_parent = $1", parent)
    spans, events = InMemorySpanExporter(), InMemoryLogRecordExporter()
    tracers, loggers = TracerProvider(), LoggerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(events))
    switch(Telemetry(tracers.get_tracer("t"), None, loggers.get_logger("t")))
    try:
        async with scoring():
            await until(lambda: is_all_scored(connection))
    finally:
        switch(OFF)
    assert (await connection.fetchrow(ROW, row))["evaluation_score"] == pytest.approx(0.9)
    ((span,), (event,)) = spans.get_finished_spans(), events.get_finished_logs()
    assert span.name == "evaluate code_generation"
    assert format(event.log_record.trace_id, "032x") == "1" * 32
    assert format(event.log_record.span_id, "016x") == "2" * 16
    assert span.parent == trace.get_current_span(event.log_record.context).get_span_context()


async def test_the_schema_of_the_release_before_has_no_traces_and_its_answers_get_their_scores(
    connection: Connection, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    await connection.execute("ALTER TABLE selfheal.pending_scores DROP COLUMN trace_parent")
    try:
        row = await leave_marked()
        async with scoring():
            await until(lambda: is_all_scored(connection))
    finally:
        await connection.execute("ALTER TABLE selfheal.pending_scores ADD COLUMN trace_parent TEXT")
    assert (await connection.fetchrow(ROW, row))["evaluation_score"] == pytest.approx(0.9)


async def test_an_answer_that_waits_gets_its_score(
    connection: Connection, evaluator: FakeEvaluator, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    row = await leave_marked()
    async with scoring():
        await until(lambda: is_all_scored(connection))
    found = await connection.fetchrow(ROW, row)
    assert (found["evaluation_score"], found["evaluation_passed"]) == (0.9, True)
    assert found["evaluation_detail"] == {"worker": {"model": "m"}, "judge": {"name": "fake"}}
    (asked,) = evaluator.asked
    assert asked.with_judge
    assert asked.conversation is not None
    assert asked.conversation.answer["content"] == "x * 2"


async def test_a_database_that_refuses_a_claim_ends_no_scoring(
    connection: Connection, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    async def is_told() -> bool:
        return any(entry["event"] == "claim_failed" for entry in logs)

    row = await leave_marked()
    await connection.execute("ALTER TABLE selfheal.pending_scores RENAME attempts TO tries")
    with capture_logs() as logs:
        async with scoring():
            try:
                await until(is_told)
            finally:
                await connection.execute(
                    "ALTER TABLE selfheal.pending_scores RENAME tries TO attempts"
                )
            await until(lambda: is_all_scored(connection))
    assert (await connection.fetchrow(ROW, row))["evaluation_score"] == pytest.approx(0.9)


async def test_a_claim_takes_one_answer_however_the_statement_is_planned(
    database: Database, pending: PendingScores, leave_marked: LeaveMarked
) -> None:
    rows = [await leave_marked() for _ in range(5)]
    async with database.connection() as connection:  # the pool's one, which the claims get too
        for plan in ("hashagg", "sort", "hashjoin", "mergejoin", "material", "indexscan"):
            await connection.execute(f"SET enable_{plan} = off")
    claims = [await pending.claim() for _ in rows]
    assert [claim.execution_id if claim else None for claim in claims] == rows
    assert await pending.claim() is None


@pytest.mark.parametrize(
    "spoil",
    [
        'UPDATE selfheal.conversations SET messages = \'{"no": "list"}\' WHERE execution_id = $1',
        "UPDATE selfheal.conversations SET choices = '[{\"message\": 7}]' WHERE execution_id = $1",
        "DELETE FROM selfheal.conversations WHERE execution_id = $1",
        "DELETE FROM execution_logs WHERE id = $1",
    ],
    ids=["messages", "answer", "no conversation", "no row"],
)
async def test_an_answer_that_cannot_be_read_keeps_no_other_from_its_score(
    connection: Connection, leave_marked: LeaveMarked, scoring: Scoring, *, spoil: str
) -> None:
    spoilt, other = await leave_marked(), await leave_marked()
    await connection.execute(spoil, spoilt)
    async with scoring():
        await until(lambda: is_all_scored(connection))
    found = await connection.fetchrow(ROW, other)
    assert found["evaluation_score"] == 0.9
    if row := await connection.fetchrow(ROW, spoilt):
        assert row["evaluation_score"] is None
        assert row["error_message"] == "The conversation can't be read."
        assert row["evaluation_detail"]["error"]["code"] == "conversation_unreadable"


async def test_the_chance_that_the_outcome_is_known_is_kept(
    connection: Connection, evaluator: FakeEvaluator, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    for capped, probability in ((False, 0.1), (True, 0.5)):
        row = await leave_marked(rules_share=0.5, judge_share=0.1)
        evaluator.detail = {"capped": capped}
        async with scoring():
            await until(lambda: is_all_scored(connection))
        assert await connection.fetchval(PROBABILITY, row) == pytest.approx(probability)


async def test_a_failure_announces_itself_when_it_is_scored(
    connection: Connection, evaluator: FakeEvaluator, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    announced: list[object] = []
    await connection.add_listener("selfheal_failures", lambda *told: announced.append(told[-1]))
    await leave_marked()
    assert await connection.fetchval("SELECT 1")  # what was announced has arrived
    assert announced == []
    evaluator.score, evaluator.passed = 0.2, False
    async with scoring():
        await until(lambda: is_all_scored(connection))
    await connection.fetchval("SELECT 1")
    assert announced == ["code_generation"]


async def test_what_was_not_chosen_for_the_judge_is_left_and_announces_nothing(
    connection: Connection, evaluator: FakeEvaluator, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    row = await leave_marked(with_judge=False, judge_share=0.1)
    evaluator.failing_code = "not_judged"
    async with scoring():
        await until(lambda: is_all_scored(connection))
    found = await connection.fetchrow(ROW, row)
    assert (found["evaluation_passed"], found["error_message"]) == (None, None)
    assert not evaluator.asked[0].with_judge
    assert await connection.fetchval(PROBABILITY, row) is None


async def test_after_five_attempts_it_is_unscored_with_its_error(
    connection: Connection, evaluator: FakeEvaluator, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    row = await leave_marked()
    evaluator.failing_code = "judge_unavailable"

    async def make_due() -> bool:
        await connection.execute(DUE_AT_ONCE)
        return await is_all_scored(connection)

    async with scoring() as scorers:

        async def hurry() -> bool:
            scorers.tell_marked()
            return await make_due()

        await until(hurry)
    found = await connection.fetchrow(ROW, row)
    assert len(evaluator.asked) >= ATTEMPTS
    assert found["evaluation_passed"] is None
    assert found["error_message"].startswith("evaluator_failed")
    assert found["evaluation_detail"]["error"]["code"] == "judge_unavailable"


async def test_an_evaluator_that_is_away_for_long_is_waited_for(
    connection: Connection, evaluator: FakeEvaluator, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    row = await leave_marked()
    evaluator.failing_code = "unreachable"
    async with scoring() as scorers:

        async def is_asked_often() -> bool:
            scorers.tell_marked()
            await connection.execute(DUE_AT_ONCE)
            return len(evaluator.asked) > 2 * ATTEMPTS

        await until(is_asked_often)
        # What an Evaluator that is back says first counts as one attempt, and not as the last.
        evaluator.failing_code = "judge_unavailable"
        asked = len(evaluator.asked)

        async def is_asked_again() -> bool:
            await is_asked_often()
            return len(evaluator.asked) > asked + 1

        await until(is_asked_again)
        evaluator.failing_code = ""

        async def hurry() -> bool:
            await connection.execute(DUE_AT_ONCE)
            scorers.tell_marked()
            return await is_all_scored(connection)

        await until(hurry)
    found = await connection.fetchrow(ROW, row)
    assert (found["evaluation_passed"], found["error_message"]) == (True, None)


async def test_what_no_attempt_can_change_is_not_tried_again(
    connection: Connection, evaluator: FakeEvaluator, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    await leave_marked()
    evaluator.failing_code = "not_judgeable"
    async with scoring():
        await until(lambda: is_all_scored(connection))
    assert len(evaluator.asked) == 1


async def test_what_the_provider_withheld_is_its_doing_and_no_failure(
    connection: Connection, evaluator: FakeEvaluator, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    row = await leave_marked()
    await connection.execute("UPDATE selfheal.conversations SET finish_reason = 'content_filter'")
    async with scoring():
        await until(lambda: is_all_scored(connection))
    found = await connection.fetchrow(ROW, row)
    assert found["evaluation_passed"] is None
    assert found["evaluation_detail"]["error"] == {
        "service": "worker",
        "code": "model_content_filtered",
    }
    assert evaluator.asked == []


async def test_two_managers_score_each_answer_once(
    connection: Connection, evaluator: FakeEvaluator, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    for _ in range(40):
        await leave_marked()
    async with scoring(), scoring():
        await until(lambda: is_all_scored(connection))
    assert len(evaluator.asked) == 40
    assert len({asked.request_id for asked in evaluator.asked}) == 40


async def test_who_comes_back_after_the_lease_changes_nothing(
    connection: Connection,
    database: Database,
    evaluator: FakeEvaluator,
    leave_marked: LeaveMarked,
) -> None:
    row = await leave_marked()
    short = PendingScores(database, lease_seconds=0)
    slow, quick = await short.claim(), await short.claim()
    assert slow is not None
    assert quick is not None
    evaluator.score = 0.1
    late = evaluator.say(slow.request_id)
    await short.keep_score(slow, late, 1.0)
    assert (await connection.fetchrow(ROW, row))["evaluation_score"] is None
    evaluator.score = 0.8
    await short.keep_score(quick, evaluator.say(quick.request_id), 1.0)
    assert (await connection.fetchrow(ROW, row))["evaluation_score"] == 0.8
    assert await short.claim() is None


async def test_one_that_stops_puts_back_what_it_holds(
    pending: PendingScores, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    class Silent(FakeEvaluator):
        async def evaluate(self, request: Any) -> Any:
            self.asked.append(request)
            await asyncio.Event().wait()

    await leave_marked()
    silent = Silent()

    async def is_asked() -> bool:
        return bool(silent.asked)

    async with scoring(silent):
        await until(is_asked)
        assert await pending.claim() is None
    assert await pending.claim() is not None


async def test_a_task_type_under_a_watch_or_an_alarm_has_all_its_answers_scored(
    connection: Connection, database: Database
) -> None:
    attention = Attention(database, ["watched", "failing", "quiet"])
    await attention.refresh()
    assert not attention.is_on("watched")
    await connection.execute(
        "INSERT INTO selfheal.watches (task_type, prompt_id, before_prompt_id)"
        " VALUES ('watched', 2, 1)"
    )
    for task_type, count in (("failing", 3), ("quiet", 2)):
        for _ in range(count):
            await connection.execute(
                "INSERT INTO execution_logs (request_id, task_type, user_input, evaluation_score,"
                " evaluation_passed) VALUES (gen_random_uuid(), $1, 'x', 0.1, FALSE)",
                task_type,
            )
    await attention.refresh()
    assert [attention.is_on(name) for name in ("watched", "failing", "quiet", "other")] == [
        True,
        True,
        False,
        False,
    ]


async def test_it_stops_in_the_moment_in_which_it_is_told_of_an_answer(scoring: Scoring) -> None:
    for turns in range(60):
        async with asyncio.timeout(20), scoring() as scorers:
            for _ in range(turns):
                await asyncio.sleep(0)
            scorers.tell_marked()


async def test_it_yields_to_live_requests_for_as_long_as_it_takes(
    connection: Connection, evaluator: FakeEvaluator, leave_marked: LeaveMarked, scoring: Scoring
) -> None:
    row = await leave_marked()
    evaluator.failing_code = "overloaded"
    async with scoring() as scorers:

        async def hurry() -> bool:
            await connection.execute(DUE_AT_ONCE)
            scorers.tell_marked()
            return len(evaluator.asked) > 2 * ATTEMPTS

        await until(hurry)
    found = await connection.fetchrow(ROW, row)
    assert found["error_message"] is None
    assert not await is_all_scored(connection)
