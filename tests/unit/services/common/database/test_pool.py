"""The pool, with connections that answer as a test has it: no server is asked."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import asyncpg
import pytest

from services.common.database.connecting import Opener
from services.common.database.lending import MAX_CONNECTIONS, Pool
from services.common.resilience.breaker import Breaker, OpenBreakerError


class StubConnection:
    """A connection to nowhere."""

    def __init__(self) -> None:
        self.ended = False
        self.in_transaction = False

    def is_closed(self) -> bool:
        return self.ended

    def is_in_transaction(self) -> bool:
        return self.in_transaction

    def terminate(self) -> None:
        self.ended = True

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - asyncpg's
        del timeout
        self.ended = True


class StubOpener:
    """Opens connections to nowhere, or fails, or waits, as it is told."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()
        self.tries = 0
        self.opened: list[StubConnection] = []

    async def open(self) -> StubConnection:
        self.tries += 1
        await self.answers.wait()
        if self.failure is not None:
            raise self.failure
        self.opened.append(StubConnection())
        return self.opened[-1]


class Bench:
    """A pool and what it stands on."""

    def __init__(self) -> None:
        self.opener = StubOpener()
        self.breaker = Breaker("database")
        self.pool = Pool(cast(Opener, self.opener), self.breaker, timeout_seconds=5)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[StubConnection]:
        async with self.pool.lend() as connection:
            yield cast(StubConnection, connection)

    async def use(self, error: BaseException | None = None) -> StubConnection:
        """Use a connection for a moment; `error` is what its statement raises."""
        async with self.lend() as connection:
            if error is not None:
                raise error
        return connection

    async def fail(self, error: BaseException) -> None:
        with pytest.raises(type(error)):
            await self.use(error)


async def until(condition: Callable[[], object]) -> None:
    """Let others run until it is so."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - no stand-in has an event for each step
            await asyncio.sleep(0)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    bench.opener.answers.set()
    await bench.pool.close()


async def test_one_connection_serves_who_comes_after_another(bench: Bench) -> None:
    assert await bench.use() is await bench.use()


async def test_no_more_are_opened_than_there_may_be(bench: Bench) -> None:
    release = asyncio.Event()

    async def hold() -> None:
        async with bench.lend():
            await release.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(3 * MAX_CONNECTIONS):
            group.create_task(hold())
        await until(lambda: len(bench.opener.opened) == MAX_CONNECTIONS)
        release.set()
    assert bench.opener.tries == MAX_CONNECTIONS


@pytest.mark.parametrize(
    ("error", "is_kept"),
    [
        (TimeoutError(), False),
        (ConnectionResetError(), False),
        (asyncpg.InterfaceError("closed"), False),
        (asyncpg.ReadOnlySQLTransactionError("a standby"), False),
        (asyncio.CancelledError(), False),
        (asyncpg.UniqueViolationError("taken"), True),
        (asyncpg.QueryCanceledError("statement_timeout"), True),
        (asyncpg.DiskFullError("full"), True),
        (KeyError("ours"), True),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_a_connection_met_decides_whether_it_is_kept(
    bench: Bench, error: BaseException, is_kept: bool
) -> None:
    first = await bench.use()
    await bench.fail(error)
    assert (await bench.use() is first) is is_kept


async def test_a_transaction_that_was_left_open_goes_with_its_connection(bench: Bench) -> None:
    async with bench.lend() as connection:
        connection.in_transaction = True
    assert await bench.use() is not connection
    assert connection.ended


async def test_a_loss_takes_the_idle_ones_along(bench: Bench) -> None:
    async with bench.lend(), bench.lend():
        pass
    await bench.fail(TimeoutError())
    await asyncio.sleep(0)
    assert [one.ended for one in bench.opener.opened] == [True, True]


async def test_one_that_ended_while_it_was_idle_is_replaced(bench: Bench) -> None:
    (await bench.use()).ended = True
    assert not (await bench.use()).ended
    assert not bench.breaker.is_open


async def test_nobody_waits_once_the_breaker_is_open(bench: Bench) -> None:
    bench.opener.failure = ConnectionRefusedError()
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            await bench.use()
    bench.opener.answers.clear()  # whoever asked it now would wait
    tries = bench.opener.tries

    with pytest.raises(OpenBreakerError) as refusal:
        await bench.use()
    assert bench.breaker.is_open
    assert isinstance(refusal.value.__cause__, ConnectionRefusedError)
    assert bench.opener.tries == tries


async def test_who_waits_when_it_opens_is_turned_away(bench: Bench) -> None:
    bench.opener.failure = ConnectionRefusedError()
    failures = await asyncio.gather(*(bench.use() for _ in range(30)), return_exceptions=True)
    assert {type(failure) for failure in failures} == {ConnectionRefusedError, OpenBreakerError}


async def test_it_closes_by_itself_once_a_try_succeeds(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.common.database.lending.PROBE_SECONDS", 0)
    bench.opener.failure = ConnectionRefusedError()
    await asyncio.gather(*(bench.use() for _ in range(3)), return_exceptions=True)
    assert bench.breaker.is_open
    bench.opener.failure = None
    await until(lambda: not bench.breaker.is_open)
    await bench.use()
    assert len(bench.opener.opened) == 1


async def test_where_no_new_ones_can_be_had_those_that_work_are_shared(bench: Bench) -> None:
    release = asyncio.Event()

    async def hold() -> StubConnection:
        async with bench.lend() as connection:
            await release.wait()
        return connection

    holding = asyncio.create_task(hold())
    await until(lambda: bench.opener.opened)
    bench.opener.failure = asyncpg.TooManyConnectionsError("full")
    others = [asyncio.create_task(bench.use()) for _ in range(20)]
    await until(lambda: bench.breaker.is_open)
    release.set()

    assert {await one for one in others} == {await holding}
    assert not bench.breaker.is_open


async def test_who_gives_up_takes_no_connection_with_them(bench: Bench) -> None:
    bench.opener.answers.clear()
    waiting = asyncio.create_task(bench.use())
    await until(lambda: bench.opener.tries)
    waiting.cancel()
    bench.opener.answers.set()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    await bench.use()
    assert len(bench.opener.opened) == 1


async def test_a_closed_pool_lends_nothing(bench: Bench) -> None:
    connection = await bench.use()
    await bench.pool.close()
    assert connection.ended
    with pytest.raises(asyncpg.InterfaceError):
        await bench.use()
