"""Jobs of people's: a draft is proven as any repair is, by one Optimizer, and never just serves."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import AsyncMock, Mock
from uuid import UUID

import asyncpg
import pytest

from services.common import database
from services.common.errors import DatabaseUnavailableError
from services.common.models import Prompt
from services.common.record.jobs import (
    MAX_ATTEMPTS,
    StoredJob,
    add_job,
    claim_job,
    finish_job,
    load_job,
    release_job,
)
from services.common.record.leases import Lease
from services.common.record.outcomes import HealingOutcome
from services.common.record.proposals import approve_proposal
from services.optimizer.app.services.jobs import JobTaker

Connection = asyncpg.Connection
Connect = Callable[[], Awaitable[Connection]]
Deploy = Callable[..., Awaitable[int]]
LogResult = Callable[..., Awaitable[None]]
LoadActive = Callable[[], Awaitable[Prompt]]
Optimize = Callable[..., Awaitable[dict[str, HealingOutcome]]]
Siblings = Any  # of the conftest, which can't be imported

BETTER = "You write Python."
RUNS = "SELECT * FROM selfheal.healing_runs ORDER BY created_at"


async def ask(connection: Connection, content: str = BETTER, **options: Any) -> StoredJob:
    return await add_job(
        connection, "draft", requested_by="alice", task_type="code_generation", content=content,
        reason="shorter", **options,
    )  # fmt: skip


async def state_of(connection: Connection, job: StoredJob) -> StoredJob:
    found = await load_job(connection, job.id)
    assert found is not None
    return found


async def test_a_draft_that_is_proven_waits_serves_once_approved_and_is_watched(
    connection: Connection,
    deploy: Deploy,
    optimize: Optimize,
    *,
    siblings: Siblings,
    load_active: LoadActive,
    messages: Any,
) -> None:
    """No failure was logged: a person's word is enough to look."""
    await deploy()
    job = await ask(connection)
    assert await optimize() == {}
    done = await state_of(connection, job)
    [run] = await connection.fetch(RUNS)
    assert (done.state, done.run_id, done.error) == ("finished", run["id"], None)
    assert (run["decision"], run["reason"], run["requested_by"]) == ("proposed", "better", "alice")
    assert (run["triggered_by"], run["verdict"]) == ("draft", None)
    assert "A person wrote it" in run["detail"]["summary"]
    assert run["detail"]["verdict"]["promote"] is True
    assert "failures" not in run["detail"]
    [tried] = run["detail"]["candidates"]
    assert tried == {
        "candidate_id": str(run["candidate_id"]), "strategy": "draft", "rationale": "shorter",
    }  # fmt: skip
    assert run["detail"]["verdict"]["control"]["scored"] > 0
    assert (await load_active()).version == 99
    assert {text for text, _ in siblings.texts} == {(await load_active()).content, BETTER, ""}
    assert {task["purpose"] for task in siblings.tasks} == {"replay"}
    assert [told.event for told in messages.told] == ["proposed"]
    await approve_proposal(connection, run["id"], person="bob", needs_second=True)
    now = await load_active()
    assert (now.content, now.created_by) == (BETTER, "alice")
    assert "asked for by alice, approved by bob" in (now.change_reason or "")
    watch = await connection.fetchrow("SELECT * FROM selfheal.watches")
    assert (watch["prompt_id"], watch["ended_at"]) == (now.id, None)


async def test_a_draft_that_is_no_better_is_held_with_the_gate_s_reason(
    connection: Connection, optimize: Optimize, load_active: LoadActive, messages: Any
) -> None:
    before = await load_active()
    job = await ask(connection, "Write some code.")
    await optimize()
    [run] = await connection.fetch(RUNS)
    assert (run["decision"], run["reason"], run["requested_by"]) == ("held", "not_better", "alice")
    assert (await state_of(connection, job)).run_id == run["id"]
    assert await load_active() == before
    assert messages.told == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "it is what serves already"),
        ("seen\u202ereversed", "U+202E"),
        ("x" * 20_000, "it is over 16384 bytes"),
        ("Use sk-" + "a1B2c3D4" * 6, "secret"),
    ],
)
async def test_what_must_not_be_run_is_held_without_a_call(
    connection: Connection,
    optimize: Optimize,
    siblings: Siblings,
    load_active: LoadActive,
    *,
    content: str | None,
    problem: str,
) -> None:
    job = await ask(connection, content or (await load_active()).content)
    await optimize()
    [run] = await connection.fetch(RUNS)
    assert (run["decision"], run["reason"]) == ("held", "draft_refused")
    assert problem in run["detail"]["summary"]
    assert (await state_of(connection, job)).state == "finished"
    assert siblings.tasks == []


async def test_what_lost_is_not_tried_again_until_it_is_better(
    connection: Connection, optimize: Optimize, siblings: Siblings
) -> None:
    """Who asks often enough would be lucky once."""
    await ask(connection, "Write some code.")
    await optimize()
    calls = len(siblings.tasks)
    await ask(connection, "Write some code.")
    await optimize()
    assert len(siblings.tasks) == calls
    assert "it lost within the last day" in (await connection.fetch(RUNS))[1]["detail"]["summary"]


async def test_the_cost_of_a_draft_is_bounded(
    connection: Connection, deploy: Deploy, optimize: Optimize, siblings: Siblings
) -> None:
    await deploy()
    await ask(connection)
    await optimize(optimizer_max_calls=8)
    [run] = await connection.fetch(RUNS)
    assert len(siblings.tasks) <= 8
    assert (run["decision"], run["reason"]) == ("held", "budget_exceeded")


async def test_where_the_evaluator_errs_nothing_is_proven(
    connection: Connection, optimize: Optimize, siblings: Siblings
) -> None:
    siblings.is_degraded = True
    await ask(connection)
    await optimize()
    [run] = await connection.fetch(RUNS)
    assert (run["decision"], run["reason"]) == ("held", "evaluator_at_fault")
    assert siblings.tasks == []


async def test_a_draft_comes_before_heals_and_holds_up_none(
    connection: Connection, deploy: Deploy, log_result: LogResult, optimize: Optimize
) -> None:
    await deploy()
    await log_result(times=5, detail={"rules": [{"name": "contains_code", "outcome": "failed"}]})
    await ask(connection)
    second = await ask(connection, "Another text, in Python.")
    outcomes = await optimize(is_continuous=True, canary_steps="1")
    runs = await connection.fetch(RUNS)
    assert [(run["decision"], run["requested_by"]) for run in runs] == [
        ("proposed", "alice"), ("promoted", None),
    ]  # fmt: skip
    assert outcomes["code_generation"].promoted
    assert runs[0]["resolution"] == "superseded"
    assert (await state_of(connection, second)).state == "waiting"


async def test_a_draft_waits_where_another_heal_of_its_task_type_runs(
    connection: Connection, connect: Connect, optimize: Optimize
) -> None:
    other = await connect()
    assert await Lease("heal code_generation", "another", 40).claim(other)
    job = await ask(connection)
    for _ in range(MAX_ATTEMPTS + 1):
        await optimize()
    waiting = await state_of(connection, job)
    assert (waiting.state, waiting.attempts) == ("waiting", 0)


async def test_what_fails_three_times_has_failed(
    connection: Connection, optimize: Optimize, siblings: Siblings
) -> None:
    siblings.respond = lambda *_: 502
    job = await ask(connection)
    states = []
    for _ in range(MAX_ATTEMPTS):
        await optimize()
        states.append((await state_of(connection, job)).state)
    assert states == ["waiting", "waiting", "failed"]
    assert "worker_failed" in ((await state_of(connection, job)).error or "")


async def test_a_job_has_one_holder_and_a_late_one_ends_nothing(
    connection: Connection, connect: Connect
) -> None:
    job = await ask(connection)
    first = await claim_job(connection, lease_seconds=0, besides=[])
    second = await claim_job(await connect(), lease_seconds=60, besides=[])
    assert first is not None
    assert second is not None
    assert (first.id, first.attempts, second.attempts) == (job.id, 1, 2)
    assert await claim_job(connection, lease_seconds=60, besides=[]) is None
    await finish_job(connection, first, run_id=UUID(int=1))
    await release_job(connection, first, "too late")
    assert (await state_of(connection, job)).state == "running"
    await finish_job(connection, second, run_id=UUID(int=2))
    assert (await state_of(connection, job)).run_id == UUID(int=2)


async def test_what_nobody_brings_to_an_end_is_given_up(connection: Connection) -> None:
    job = await ask(connection)
    for _ in range(MAX_ATTEMPTS):
        assert await claim_job(connection, lease_seconds=0, besides=[])
    assert await claim_job(connection, lease_seconds=0, besides=[]) is None
    assert (await state_of(connection, job)).state == "failed"


async def test_a_test_message_is_sent_and_what_went_wrong_is_told(
    connection: Connection, optimize: Optimize, messages: Any
) -> None:
    job = await add_job(connection, "message", requested_by="alice")
    await optimize()
    assert (await state_of(connection, job)).state == "finished"
    assert [(told.event, told.requested_by) for told in messages.told] == [("test", "alice")]
    messages.problem = "http_500"
    job = await add_job(connection, "message", requested_by="alice")
    await optimize()
    failed = await state_of(connection, job)
    assert (failed.state, failed.error) == ("failed", "The webhook took no message: http_500.")


READ_ONLY = "SET default_transaction_read_only = on"
PROPOSED = HealingOutcome("proposed", "better", 99, run_id=str(UUID(int=7)))


@dataclass(frozen=True)
class Case:
    """What a draft is tried as, as far as these tests go."""

    lease: Lease | None = None


@pytest.fixture
def take_with(database_url: str) -> Callable[..., Awaitable[None]]:
    """Takes jobs, each of which comes to what `work` does with the run's connection."""
    connecting = partial(database.connect, database_url, timeout_seconds=5)

    async def take(work: Callable[[Connection], Awaitable[Any]]) -> None:
        surveyor = Mock(take_draft=AsyncMock(return_value=Case()))
        async with connecting() as own:

            async def heal(connection: Connection, _case: Any) -> Any:
                return await work(connection)

            async def send_test(_person: str) -> Any:
                return await work(own)

            taker = JobTaker(surveyor, heal, AsyncMock(), send_test, 900, connecting)
            await taker.take_all(own)

    return take


async def lose(connection: Connection) -> None:
    connection.terminate()


async def be_refused(connection: Connection) -> None:
    """As where the server that it leads to is a standby from now on."""
    await connection.execute(READ_ONLY)


LOSSES = pytest.mark.parametrize("lose_it", [lose, be_refused])


@LOSSES
async def test_a_job_is_given_back_though_its_connection_was_lost(
    connection: Connection, take_with: Callable[..., Awaitable[None]], lose_it: Any
) -> None:
    async def work(own: Connection) -> None:
        await lose_it(own)
        await own.execute("CREATE TABLE never()")

    job = await ask(connection)
    await take_with(work)
    waiting = await state_of(connection, job)
    assert (waiting.state, waiting.attempts) == ("waiting", 1)
    assert (waiting.error or "").startswith("database_unavailable: ")


@LOSSES
async def test_a_draft_that_was_proven_is_not_proven_again_though_its_connection_was_lost(
    connection: Connection, take_with: Callable[..., Awaitable[None]], lose_it: Any
) -> None:
    async def work(own: Connection) -> HealingOutcome:
        await lose_it(own)
        return PROPOSED

    job = await ask(connection)
    await take_with(work)
    done = await state_of(connection, job)
    assert (done.state, done.run_id, done.error) == ("finished", UUID(int=7), None)


@pytest.mark.parametrize(("problem", "state"), [("", "finished"), ("http_500", "failed")])
async def test_a_message_is_not_sent_again_though_the_connection_was_lost(
    connection: Connection, take_with: Callable[..., Awaitable[None]], *, problem: str, state: str
) -> None:
    async def work(own: Connection) -> str:
        await be_refused(own)
        return problem

    job = await add_job(connection, "message", requested_by="alice")
    with pytest.raises(DatabaseUnavailableError):  # as it looks for the next job
        await take_with(work)
    assert (await state_of(connection, job)).state == state


@pytest.mark.parametrize("lose_it", [AsyncMock(), lose, be_refused])
async def test_who_is_stopped_gives_a_job_back_and_three_stops_are_a_failure(
    connection: Connection, take_with: Callable[..., Awaitable[None]], lose_it: Any
) -> None:
    async def work(own: Connection) -> None:
        await lose_it(own)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.Event().wait()

    job = await ask(connection)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        [outcome] = await asyncio.gather(take_with(work), return_exceptions=True)
        assert isinstance(outcome, asyncio.CancelledError)
        found = await state_of(connection, job)
        state = "waiting" if attempt < MAX_ATTEMPTS else "failed"
        assert (found.state, found.attempts) == (state, attempt)
    assert "was stopped" in (found.error or "")


async def test_what_nobody_expects_is_told_and_the_job_given_back(
    connection: Connection, take_with: Callable[..., Awaitable[None]]
) -> None:
    job = await ask(connection)
    for state in ("waiting", "waiting", "failed"):
        with pytest.raises(ZeroDivisionError):
            await take_with(AsyncMock(side_effect=ZeroDivisionError("secret")))
        tried = await state_of(connection, job)
        assert (tried.state, tried.error) == (state, "unexpected_error: ZeroDivisionError")


async def test_who_is_stopped_while_people_are_told_has_finished_the_job(
    connection: Connection, deploy: Deploy, optimize: Optimize, messages: Any
) -> None:
    await deploy()
    messages.notify = AsyncMock(side_effect=asyncio.CancelledError)
    job = await ask(connection)
    [outcome] = await asyncio.gather(optimize(), return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError)
    assert (await state_of(connection, job)).state == "finished"
