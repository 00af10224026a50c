"""The continuous mode on a real PostgreSQL, with a run that only counts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs
from support.pooler import pooling

from services.common.database import Opener
from services.common.errors import UpstreamError
from services.common.record.jobs import add_job
from services.optimizer.app.services import background, continuous
from services.optimizer.app.services.continuous import CHANNEL, FailureWatch

Connection = asyncpg.Connection
LogResult = Callable[..., Awaitable[None]]

FOREVER_SECONDS = 3_000.0
PATIENCE_SECONDS = 20.0
END_LISTENERS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE query LIKE 'LISTEN%' OR query = 'SELECT 1' AND pid <> pg_backend_pid()
"""

FAIL = """
    INSERT INTO execution_logs (request_id, task_type, user_input, evaluation_passed)
    VALUES (gen_random_uuid(), 'code_generation', 'u', FALSE)
"""


class Runs:
    """Counts runs; each waits until it is let go.

    Attributes:
        errors: What the next runs fail with.
        follow_until: So many looks there is something to look after.
    """

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.errors: list[Exception] = []
        self.followed = 0
        self.follow_until = 1
        self.woken = asyncio.Event()
        self.enough = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self._changed = asyncio.Condition()

    async def run_once(self) -> bool:
        async with self._changed:
            self.begun += 1
            self._changed.notify_all()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.errors:
            raise self.errors.pop(0)
        return False

    async def follow(self, _connection: Connection) -> bool:
        self.followed += 1
        if self.followed == self.follow_until:
            self.enough.set()
        return self.followed < self.follow_until

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: self.begun >= count)


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
async def watching(database_url: str, runs: Runs) -> Any:
    @asynccontextmanager
    async def watch(
        *, poll_seconds: float = FOREVER_SECONDS, url: str = database_url
    ) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.ensure_future(
            FailureWatch(poll_seconds, runs.run_once, runs.follow, runs.woken, stop).run(
                Opener(url, timeout_seconds=5)
            )
        )
        try:
            yield
        finally:
            stop.set()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await task

    return watch


async def test_it_looks_again_and_again_while_something_is_rolled_out(
    monkeypatch: pytest.MonkeyPatch, watching: Any, runs: Runs
) -> None:
    monkeypatch.setattr(continuous, "FOLLOW_SECONDS", 0.001)
    runs.follow_until = 5
    async with watching(), asyncio.timeout(PATIENCE_SECONDS):
        await runs.enough.wait()
    assert (runs.begun, runs.followed) == (1, 5)


async def test_it_runs_at_the_start_and_after_a_failure(
    watching: Any, runs: Runs, log_result: LogResult
) -> None:
    async with watching():
        await runs.wait_for(1)
        await log_result()
        await runs.wait_for(2)


async def test_a_job_is_news_too(watching: Any, runs: Runs, connection: Connection) -> None:
    async with watching():
        await runs.wait_for(1)
        await add_job(connection, "message", requested_by="alice")
        await runs.wait_for(2)


async def test_it_looks_again_as_soon_as_it_is_woken(watching: Any, runs: Runs) -> None:
    async with watching():
        for count in (1, 2, 3):
            await runs.wait_for(count)
            runs.woken.set()
        await runs.wait_for(4)


async def test_an_answer_that_could_not_be_scored_is_news_too(
    watching: Any, runs: Runs, log_result: LogResult
) -> None:
    async with watching():
        await runs.wait_for(1)
        await log_result(score=None, passed=None)
        await runs.wait_for(2)


async def test_what_passes_is_no_news(
    connection: Connection, connect: Callable[[], Awaitable[Connection]], log_result: LogResult
) -> None:
    listener = await connect()
    heard: asyncio.Queue[object] = asyncio.Queue()
    await listener.add_listener(CHANNEL, lambda *arguments: heard.put_nowait(arguments[-1]))
    await log_result(score=0.9, passed=True, task_type="passing")
    await log_result(task_type="failing")
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await heard.get() == "failing"


async def test_failures_during_a_run_cause_one_further_run(
    watching: Any, runs: Runs, log_result: LogResult, connection: Connection
) -> None:
    runs.gate.clear()
    async with watching():
        await runs.wait_for(1)
        await log_result(times=20)
        runs.gate.set()
        await runs.wait_for(2)
        await log_result()
        await runs.wait_for(3)
    assert runs.begun == 3


async def test_what_one_of_two_at_once_announces_is_looked_at_again_for_the_other(
    watching: Any,
    runs: Runs,
    connect: Callable[[], Awaitable[Connection]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(continuous, "ECHO_SECONDS", 0.01)
    early, late = await connect(), await connect()
    async with watching():
        await runs.wait_for(1)
        speaks, is_silent = early.transaction(), late.transaction()
        await speaks.start()
        await early.execute(FAIL)
        await is_silent.start()
        await late.execute(FAIL)
        await speaks.commit()
        await runs.wait_for(2)
        await is_silent.commit()
        await runs.wait_for(3)


async def test_who_fails_while_another_announces_does_not_wait_for_its_commit(
    connect: Callable[[], Awaitable[Connection]],
) -> None:
    early, late = await connect(), await connect()
    async with asyncio.timeout(PATIENCE_SECONDS), early.transaction():
        await early.execute(FAIL)
        await late.execute(FAIL)
        assert await late.fetchval("SELECT count(*) FROM execution_logs") == 1


async def test_it_looks_now_and_then_in_any_case(watching: Any, runs: Runs) -> None:
    async with watching(poll_seconds=0.01):
        await runs.wait_for(5)


async def test_a_run_that_fails_is_logged_and_tried_again(
    watching: Any, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "FIRST_PAUSE_SECONDS", 0.01)
    runs.errors = [
        UpstreamError("down", upstream="worker", upstream_code="unreachable"),
        asyncpg.DeadlockDetectedError("deadlock"),
        OSError("gone"),
        RecursionError("too deep"),
        asyncpg.InternalClientError("tripped"),
        ValueError("what nobody thought of"),
    ]
    with capture_logs() as logs:
        async with watching():
            await runs.wait_for(7)
    failed = [entry for entry in logs if entry["event"] == "continuous_run_failed"]
    assert [(entry["code"], entry["error"], entry["retry_seconds"]) for entry in failed] == [
        ("worker_failed", "UpstreamError", 0.01),
        ("database_error", "DeadlockDetectedError", 0.02),
        ("database_unavailable", "DatabaseUnavailableError", 0.04),
        ("unexpected_error", "RecursionError", 0.08),
        ("database_unavailable", "DatabaseUnavailableError", 0.16),
        ("unexpected_error", "ValueError", 0.32),
    ]


async def test_a_lost_connection_is_opened_anew_and_nothing_is_missed(
    watching: Any,
    runs: Runs,
    log_result: LogResult,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "FIRST_PAUSE_SECONDS", 0.01)
    async with watching():
        await runs.wait_for(1)
        assert await connection.fetchval(END_LISTENERS) == 1
        await runs.wait_for(2)
        await log_result()
        await runs.wait_for(3)


async def test_a_database_that_is_not_there_is_waited_for(
    watching: Any, runs: Runs, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(background, "LONGEST_PAUSE_SECONDS", 0.004)
    failed = asyncio.Event()
    pauses: list[float] = []

    def note(_event: str, *, code: str, error: str, retry_seconds: float) -> None:
        assert (code, error) == ("database_unavailable", "DatabaseUnavailableError")
        pauses.append(retry_seconds)
        if len(pauses) == 5:
            failed.set()

    monkeypatch.setattr(background.log, "error", note, raising=False)
    async with watching(url=f"postgresql://agent:x@127.0.0.1:{unused_tcp_port}/agent_system"):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await failed.wait()
    assert pauses[:5] == [0.001, 0.002, 0.004, 0.004, 0.004]
    assert runs.begun == 0


async def test_a_stop_in_the_middle_of_a_run_cancels_it(watching: Any, runs: Runs) -> None:
    runs.gate.clear()
    async with watching():
        await runs.wait_for(1)
    assert (runs.begun, runs.cancelled) == (1, 1)


async def test_behind_a_pooler_it_looks_often_and_says_so_once(
    watching: Any, runs: Runs, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(continuous, "POOLED_POLL_SECONDS", 0.05)
    with pooling(database_url) as pooler, capture_logs() as logs:
        async with watching(url=pooler.through(database_url)):
            await runs.wait_for(2)
            await asyncio.to_thread(pooler.restart)
            await runs.wait_for(5)
    [told] = [entry for entry in logs if entry["event"] == "failure_watch_polls"]
    assert "DATABASE_DIRECT_URL" in told["remedy"]
    started = [entry for entry in logs if entry["event"] == "failure_watch_started"]
    assert len(started) >= 2
