"""Work that one process at a time does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import AsyncMock, patch

import asyncpg
import pytest
from structlog.testing import capture_logs
from support.polling import until

from services.common.database import connect, translate_database_errors
from services.common.errors import DatabaseUnavailableError
from services.common.record import leases
from services.common.record.leases import Lease, LeaseLostError, give_back

Connection = asyncpg.Connection
END = "UPDATE selfheal.leases SET held_until = now() - interval '1 second'"
SECONDS_LEFT = "SELECT extract(epoch FROM held_until - now())::float FROM selfheal.leases"
MINE, THEIRS = (Lease("some work", holder, 30) for holder in ("mine", "theirs"))


@dataclass
class Away:
    """A database that is away at the first two tries."""

    url: str
    tries: int = 0

    @asynccontextmanager
    async def connecting(self) -> AsyncIterator[Connection]:
        self.tries += 1
        with translate_database_errors():
            if self.tries <= 2:
                raise ConnectionRefusedError
            async with connect(self.url, timeout_seconds=5) as other:
                yield other


async def test_one_holds_it_until_it_is_given_back_or_ends(connection: Connection) -> None:
    assert await MINE.claim(connection)
    assert await THEIRS.claim(connection) is None
    await MINE.release(connection)
    assert await THEIRS.claim(connection)
    await connection.execute(END)
    assert await MINE.claim(connection)


async def test_a_clock_of_the_database_s_that_is_set_back_keeps_nobody_waiting_for_an_hour(
    connection: Connection,
) -> None:
    await MINE.claim(connection)
    await connection.execute("UPDATE selfheal.leases SET held_until = now() + interval '1 hour'")
    assert await THEIRS.claim(connection)


async def test_it_is_renewed_while_the_work_goes_on(
    connection: Connection, database_url: str
) -> None:
    async def is_renewed() -> bool:
        left: float = await connection.fetchval(SECONDS_LEFT)
        return left > -1

    connecting = partial(connect, database_url, timeout_seconds=5)
    async with Lease("some work", "mine", 0.4).holding(connection, connecting) as is_held:
        assert is_held
        for _ in range(3):
            await connection.execute(END)  # time passes
            await until(is_renewed)
    assert await connection.fetchval("SELECT holder FROM selfheal.leases") == ""


async def test_a_database_that_is_away_for_a_while_loses_nothing(
    connection: Connection, database_url: str
) -> None:
    tries = 0

    @asynccontextmanager
    async def connecting() -> AsyncIterator[Connection]:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise DatabaseUnavailableError("It is away.")
        async with connect(database_url, timeout_seconds=5) as other:
            yield other
        renewed.set()

    renewed = asyncio.Event()
    async with asyncio.timeout(20), Lease("some work", "mine", 0.4).holding(
        connection, connecting
    ):  # fmt: skip
        await renewed.wait()
    assert tries >= 3


async def test_who_lost_it_may_not_finish(connection: Connection) -> None:
    await MINE.claim(connection)
    await MINE.require(connection)
    await connection.execute(END)
    with pytest.raises(LeaseLostError, match="nothing was changed"):
        await MINE.require(connection)
    await THEIRS.claim(connection)
    with pytest.raises(LeaseLostError):
        await MINE.require(connection)


async def test_nobody_takes_it_while_what_it_is_needed_for_is_written(
    connection: Connection, database_url: str
) -> None:
    await MINE.claim(connection)
    async with connect(database_url, timeout_seconds=5) as other:
        transaction = connection.transaction()
        await transaction.start()
        await MINE.require(connection)
        # It ran out in the meantime, by the clock of another transaction.
        taking = asyncio.create_task(Lease("some work", "theirs", 0.001).claim(other))
        await wait_until_it_waits(database_url)
        assert not taking.done()
        await transaction.commit()
        assert await taking


async def wait_until_it_waits(database_url: str) -> None:
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    async with connect(database_url, timeout_seconds=5) as watcher, asyncio.timeout(10):
        while not await watcher.fetchval(query):  # noqa: ASYNC110 - another backend has no event
            await asyncio.sleep(0.01)


async def test_it_is_not_given_while_another_holds_it(
    connection: Connection, database_url: str
) -> None:
    connecting = partial(connect, database_url, timeout_seconds=5)
    async with MINE.holding(connection, connecting), connecting() as other:
        async with THEIRS.holding(other, connecting) as is_held:
            assert not is_held
        assert await THEIRS.claim(other) is None


async def test_it_is_given_back_though_its_connection_was_lost(
    connection: Connection, database_url: str
) -> None:
    connecting = partial(connect, database_url, timeout_seconds=5)
    async with connecting() as own, MINE.holding(own, connecting):
        own.terminate()
    assert await THEIRS.claim(connection)


async def test_it_is_given_back_over_another_connection_where_its_own_refuses(
    connection: Connection, database_url: str
) -> None:
    connecting = partial(connect, database_url, timeout_seconds=5)
    async with connecting() as own, MINE.holding(own, connecting):
        # As where the server that it led to writes no longer; one that shuts down refuses as well.
        await own.execute("SET default_transaction_read_only = on")
    assert await THEIRS.claim(connection)


async def test_it_is_given_back_once_a_database_that_was_lost_is_there_again(
    connection: Connection, database_url: str
) -> None:
    away = Away(database_url)
    opening = connect(database_url, timeout_seconds=5)
    async with opening as own, MINE.holding(own, away.connecting):
        own.terminate()
    assert away.tries == 3
    assert await THEIRS.claim(connection)


async def test_who_gives_it_back_does_not_wait_for_a_database_that_stays_away(
    connection: Connection, database_url: str
) -> None:
    @asynccontextmanager
    async def connecting() -> AsyncIterator[Connection]:
        raise DatabaseUnavailableError("It is away.")
        yield connection

    short = Lease("some work", "mine", 0.4)
    opening = connect(database_url, timeout_seconds=5)
    async with asyncio.timeout(20), opening as own, short.holding(own, connecting):
        own.terminate()
    assert await connection.fetchval("SELECT holder FROM selfheal.leases") == "mine"


async def test_it_is_given_back_also_after_longer_than_a_renewal_takes(
    connection: Connection, database_url: str
) -> None:
    is_back = False

    @asynccontextmanager
    async def connecting() -> AsyncIterator[Connection]:
        nonlocal is_back
        if not is_back:
            await asyncio.sleep(1.2 * short.seconds / leases.RENEWALS)
            is_back = True
            raise DatabaseUnavailableError("It is away.")
        async with connect(database_url, timeout_seconds=5) as other:
            yield other

    short = Lease("some work", "mine", 4)
    with patch.object(leases, "SECONDS_TO_TRY_AGAIN", 0):
        async with connect(database_url, timeout_seconds=5) as own, short.holding(own, connecting):
            own.terminate()
    assert await connection.fetchval("SELECT holder FROM selfheal.leases") == ""


async def hold_until_cancelled(own: Connection, connecting: Callable[..., Any]) -> None:
    """Lose the connection, and be cancelled then, as work is at SIGTERM."""
    task = asyncio.current_task()
    assert task is not None
    async with MINE.holding(own, connecting):
        own.terminate()
        task.cancel()
        await asyncio.Event().wait()


async def test_what_is_cancelled_gives_it_back_though_the_database_restarts_meanwhile(
    connection: Connection, database_url: str
) -> None:
    away = Away(database_url)
    with patch.multiple(leases, SECONDS_TO_TRY_AGAIN=0, SECONDS_AT_A_STOP=20):
        async with connect(database_url, timeout_seconds=5) as own:
            [outcome] = await asyncio.gather(
                hold_until_cancelled(own, away.connecting), return_exceptions=True
            )
    assert isinstance(outcome, asyncio.CancelledError)
    assert away.tries == 3
    assert await THEIRS.claim(connection)


async def test_what_is_cancelled_does_not_wait_for_a_database_that_hangs(
    connection: Connection, database_url: str
) -> None:
    @asynccontextmanager
    async def connecting() -> AsyncIterator[Connection]:
        await asyncio.Event().wait()
        yield connection

    with patch.object(leases, "SECONDS_AT_A_STOP", 0.01):
        async with asyncio.timeout(20), connect(database_url, timeout_seconds=5) as own:
            [outcome] = await asyncio.gather(
                hold_until_cancelled(own, connecting), return_exceptions=True
            )
    assert isinstance(outcome, asyncio.CancelledError)
    assert await connection.fetchval("SELECT holder FROM selfheal.leases") == "mine"


async def test_who_waits_to_give_it_back_can_still_be_stopped(
    connection: Connection, database_url: str
) -> None:
    is_tried = asyncio.Event()

    @asynccontextmanager
    async def connecting() -> AsyncIterator[Connection]:
        is_tried.set()
        await asyncio.Event().wait()
        yield connection

    async def hold(own: Connection) -> None:
        async with MINE.holding(own, connecting):
            own.terminate()

    async with asyncio.timeout(20), connect(database_url, timeout_seconds=5) as own:
        holding = asyncio.create_task(hold(own))
        await is_tried.wait()
        holding.cancel()
        await asyncio.wait([holding])
    assert holding.cancelled()


def never() -> AbstractAsyncContextManager[Connection]:
    raise AssertionError("no other connection is needed")


async def test_a_stop_leaves_time_to_what_is_being_written(connection: Connection) -> None:
    """A draft that was proven would be proven again."""
    is_begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def write(own: Connection) -> None:
        is_begun.set()
        await may_go_on.wait()
        await MINE.release(own)

    await MINE.claim(connection)
    with patch.object(leases, "SECONDS_AT_A_STOP", 20):
        writing = asyncio.create_task(give_back(write, connection, never, seconds=20))
        await is_begun.wait()
        writing.cancel()
        await asyncio.sleep(0)
        may_go_on.set()
        await asyncio.wait([writing])
    assert writing.cancelled()
    assert await THEIRS.claim(connection)


async def test_what_can_not_be_written_is_told(connection: Connection, database_url: str) -> None:
    connecting = partial(connect, database_url, timeout_seconds=5)
    broken = AsyncMock(side_effect=ZeroDivisionError)

    async def hang(_: Connection) -> None:
        await asyncio.Event().wait()

    with capture_logs() as logs:
        await give_back(broken, connection, connecting, seconds=20)
        await give_back(hang, connection, connecting, seconds=0.01)
    assert [entry["error"] for entry in logs if entry["event"] == "claim_not_given_back"] == [
        "ZeroDivisionError", "TimeoutError",
    ]  # fmt: skip
