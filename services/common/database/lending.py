"""The connections of a service: lent to who needs one, opened anew where the server ended them."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg

from services.common.database.connecting import Opener, ServerTraits, close_connection
from services.common.database.failures import translate_database_errors
from services.common.errors import DatabaseUnavailableError
from services.common.logging import get_logger
from services.common.resilience.breaker import PROBE_SECONDS, Breaker, OpenBreakerError
from services.common.resilience.ranks import Rank

MAX_CONNECTIONS: Final = 10
# At some milliseconds a query, the last of them waits a tenth of a second.
MOST_WAITING: Final = 10 * MAX_CONNECTIONS
LONGEST_IDLE_SECONDS: Final = 300.0
# Of a connection that the server ended, the event loop reads the error in one turn and the end in
# the next; asyncio takes a turn more than uvloop to tell asyncpg.
TURNS_TO_READ_AN_END: Final = 4
# After these a connection is of no use: the server gives no answer, or takes no writes any more.
LOSSES: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.ReadOnlySQLTransactionError,
)
STANDBY: Final = (
    "The database takes no writes: it is a standby. Name the server that takes writes in "
    "DATABASE_URL; of several, with commas between them, the one that does is found."
)

log = get_logger()

Connection = asyncpg.Connection


class Pool:
    """Lends connections, the one that came back last first; opens them where none is idle.

    Who waits gets the first that comes, new or given back. So where no new ones can be had, those
    that work are shared; where there are none either, and the breaker is open, nobody waits: one
    is tried each second, by itself.

    asyncpg's own pool would give the next caller the very place at which opening failed.
    """

    def __init__(self, opener: Opener, breaker: Breaker, *, timeout_seconds: float) -> None:
        self._opener = opener
        self._breaker = breaker
        self._timeout_seconds = timeout_seconds
        self._idle: deque[tuple[Connection, float]] = deque()
        self._lent: set[Connection] = set()
        self._waiting: deque[asyncio.Future[Connection]] = deque()
        self._opening: set[asyncio.Task[Connection]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._probe: asyncio.TimerHandle | None = None
        self._failure: BaseException | None = None
        self._returned = asyncio.Event()
        self._is_closed = False

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Connection]:
        """Lend a connection.

        Raises:
            OpenBreakerError: If there is none, and none can be had.
            Exception: What kept one from being opened.
        """
        connection = await self._take()
        try:
            yield connection
        except BaseException as error:
            self._take_back(connection, error)
            raise
        self._take_back(connection, None)

    @property
    def waiting(self) -> int:
        """How many wait for a connection."""
        return len(self._waiting)

    async def close(self) -> None:
        """Close all connections; busy ones after the timeout."""
        if self._probe is not None:
            self._probe.cancel()
        for opening in self._opening:
            opening.cancel()
        self._is_closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_seconds):
                while self._lent:
                    self._returned.clear()
                    await self._returned.wait()
        for connection in self._lent:
            connection.terminate()
        self._drop_idle()
        await asyncio.gather(*self._closing, *self._opening, return_exceptions=True)

    async def _take(self) -> Connection:
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed():
                self._lent.add(connection)
                return connection
        if self._is_closed:
            raise asyncpg.InterfaceError("the pool is closed")
        waiter: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._settle()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await waiter
        except BaseException:
            with suppress(ValueError):
                self._waiting.remove(waiter)
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._take_back(waiter.result(), None)
            raise

    def _take_back(self, connection: Connection, error: BaseException | None) -> None:
        """Keep a connection that works and is clean, and close any other."""
        self._lent.discard(connection)
        self._returned.set()
        is_lost = connection.is_closed() or isinstance(error, LOSSES)
        if is_lost and not isinstance(error, asyncpg.ReadOnlySQLTransactionError):
            self._failure = error
            self._breaker.tell_failure()
        elif error is None or isinstance(error, asyncpg.PostgresError):
            self._breaker.tell_success()
        # One whose statement was cancelled may be in the middle of anything.
        is_clean = isinstance(error, Exception | None) and not is_lost
        if is_clean and not connection.is_in_transaction() and not self._is_closed:
            self._idle.append((connection, time.monotonic()))
        else:
            self._retire(connection)
        if is_lost:
            self._drop_idle()  # they lead to the same server
        while self._idle and time.monotonic() - self._idle[0][1] > LONGEST_IDLE_SECONDS:
            self._retire(self._idle.popleft()[0])
        self._settle()

    def _settle(self) -> None:
        """Give what is idle to who waits; open more, or turn them away where nothing can be had."""
        while self._waiting and self._idle:
            waiter = self._waiting.popleft()
            if not waiter.done():
                connection, _ = self._idle.pop()
                self._lent.add(connection)
                waiter.set_result(connection)
        if self._breaker.is_open:
            self._plan_probe()
            while self._waiting and not self._lent:
                self._turn_away(OpenBreakerError(self._breaker.name), self._failure)
            return
        for _ in range(len(self._opening), min(self._room, len(self._waiting))):
            self._open()

    @property
    def _room(self) -> int:
        return MAX_CONNECTIONS - len(self._lent) - len(self._idle)

    def _open(self) -> None:
        opening = asyncio.get_running_loop().create_task(self._opener.open())
        self._opening.add(opening)
        opening.add_done_callback(self._end_opening)

    def _end_opening(self, opening: asyncio.Task[Connection]) -> None:
        self._opening.discard(opening)
        if opening.cancelled():
            return
        error = opening.exception()
        if error is None:
            self._breaker.tell_success()
            self._idle.append((opening.result(), time.monotonic()))
        else:
            self._failure = error
            self._breaker.tell_failure()
            if not self._lent:
                self._turn_away(error)
        self._settle()

    def _turn_away(self, error: BaseException, cause: BaseException | None = None) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                error.__cause__ = cause or error.__cause__
                waiter.set_exception(error)
                return

    def _plan_probe(self) -> None:
        if self._probe is None:
            loop = asyncio.get_running_loop()
            self._probe = loop.call_later(PROBE_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._probe = None
        if not self._breaker.is_open:
            return
        if self._room and not self._opening:
            self._open()
        else:
            self._plan_probe()

    def _drop_idle(self) -> None:
        while self._idle:
            self._retire(self._idle.pop()[0])

    def _retire(self, connection: Connection) -> None:
        """Close a connection, once the server has let go of what it does there."""
        closing = asyncio.get_running_loop().create_task(
            close_connection(connection, timeout_seconds=self._timeout_seconds)
        )
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


class Database:
    """What a service asks of its database; nothing is connected before the first query.

    A connection prepares a statement once, by asyncpg's statement cache, unless a pooler is there.

    Args:
        may_stand_by: Whether a standby serves as well.

    Attributes:
        breaker: Open while no connection can be had.
    """

    def __init__(self, url: str, *, timeout_seconds: float, may_stand_by: bool = False) -> None:
        self.breaker = Breaker("database")
        self._opener = Opener(url, timeout_seconds=timeout_seconds)
        self._timeout_seconds = timeout_seconds
        self._may_stand_by = may_stand_by
        self._pool: Pool | None = None
        self._told = ""

    @property
    def traits(self) -> ServerTraits | None:
        """What the latest connection leads to; None before the first."""
        return self._opener.traits

    def admits(self, _rank: Rank) -> bool:
        """Tell whether few enough wait for a connection; none waits where there are none."""
        return self._pool is None or self.breaker.is_open or self._pool.waiting < MOST_WAITING

    async def open(self) -> None:
        """Let connections be had; a server that is down is no error yet."""
        self._pool = Pool(self._opener, self.breaker, timeout_seconds=self._timeout_seconds)

    async def close(self) -> None:
        """Close all connections, busy ones after the timeout."""
        if self._pool is not None:
            await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection; one that the server has ended is replaced first.

        Raises:
            DatabaseUnavailableError: If there is none to be had, or it breaks in use; at once
                where that is known.
        """
        if self._pool is None:
            raise DatabaseUnavailableError("The database pool is not open.")
        for _ in range(TURNS_TO_READ_AN_END):
            await asyncio.sleep(0)
        with translate_database_errors():
            async with self._pool.lend() as connection:
                yield connection

    async def find_obstacle(self) -> str:
        """Say why the database can't be used; empty where it can."""
        try:
            obstacle = await self._look_for_obstacle()
        except DatabaseUnavailableError as error:
            obstacle = error.message
        if obstacle and obstacle != self._told:
            log.warning("database_not_ready", message=obstacle)
        self._told = obstacle
        return obstacle

    async def _look_for_obstacle(self) -> str:
        async with self.connection() as connection:
            is_standby = await connection.fetchval(
                "SELECT pg_is_in_recovery(), EXISTS (SELECT FROM prompts)"
            )
        return STANDBY if is_standby and not self._may_stand_by else ""
