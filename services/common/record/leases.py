"""Work that one process at a time does, by a row of `selfheal.leases`.

No advisory lock: a pooler of transactions may stand before PostgreSQL. Times are the database's,
whatever the clocks of those who hold leases say.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import structlog

from services.common.errors import DatabaseUnavailableError, ServiceError

# Looks first, so that nobody waits for the transaction of who holds it. What is held for longer
# than anybody could have asked for was claimed before the database's clock was set back.
CLAIM = """
    INSERT INTO selfheal.leases AS l (name, holder, held_until)
    SELECT $1, $2, now() + make_interval(secs => $3)
    WHERE NOT EXISTS (
        SELECT FROM selfheal.leases
        WHERE name = $1 AND holder NOT IN ($2, '')
          AND held_until BETWEEN now() AND now() + make_interval(secs => 2 * $3)
    )
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
    WHERE l.holder IN (excluded.holder, '')
       OR l.held_until NOT BETWEEN now() AND now() + make_interval(secs => 2 * $3)
    RETURNING position, now() AS claimed_at
"""
# Who would take it meanwhile waits for the transaction.
REQUIRE = """
    SELECT TRUE FROM selfheal.leases
    WHERE name = $1 AND holder = $2 AND held_until >= now() FOR SHARE
"""
SELECT_HOLDER = """
    SELECT holder, extract(epoch FROM held_until - now())::float AS seconds
    FROM selfheal.leases WHERE name = $1
"""
MOVE = "UPDATE selfheal.leases SET position = $3 WHERE name = $1 AND holder = $2"
# The time stays: it tells when work was done last.
RELEASE = "UPDATE selfheal.leases SET holder = '' WHERE name = $1 AND holder = $2"

# So often is a lease renewed while it is held.
RENEWALS = 4
# So long after a lost database couldn't be reached it is tried again, to give something back.
SECONDS_TO_TRY_AGAIN = 0.5
# So long what is being stopped tries at most: a few such in a row fit into a process' grace.
SECONDS_AT_A_STOP = 1.0

# Our own module for logs masks keys, and so builds on this room.
log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

Connect = Callable[[], AbstractAsyncContextManager[asyncpg.Connection]]


class LeaseLostError(ServiceError):
    """Another process may do this work by now; nothing was changed."""

    status_code = 409
    code = "lease_lost"

    def __init__(self, name: str) -> None:
        super().__init__(f"The lease {name!r} ran out while the work went on; nothing was changed.")


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease that is held: how far the work got, and the transaction's time."""

    position: datetime | None
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as one process sees it.

    Args:
        holder: Names the process; no other has this name, and it isn't empty.
        seconds: How long a claim holds.
    """

    name: str
    holder: str
    seconds: float

    async def claim(self, connection: asyncpg.Connection) -> Claim | None:
        """Take or renew it; None where another holds it.

        In a transaction: until its end nobody else can take it, however long that lasts.
        """
        record = await connection.fetchrow(CLAIM, self.name, self.holder, self.seconds)
        return Claim(**record) if record else None

    async def move(self, connection: asyncpg.Connection, position: datetime | None) -> None:
        """Note how far the work got."""
        await connection.execute(MOVE, self.name, self.holder, position)

    async def require(self, connection: asyncpg.Connection) -> None:
        """See to it that the work is still this process's, until the transaction ends.

        Raises:
            LeaseLostError: If it isn't.
        """
        if not await connection.fetchval(REQUIRE, self.name, self.holder):
            raise LeaseLostError(self.name)

    @asynccontextmanager
    async def holding(
        self, connection: asyncpg.Connection, connect: Connect
    ) -> AsyncIterator[bool]:
        """Tell whether it could be taken, and keep it until the work is done.

        Args:
            connection: Takes it and gives it back; the work may use it meanwhile.
            connect: Opens others, over which it is renewed.
        """
        if await self.claim(connection) is None:
            yield False
            return
        renewing = asyncio.create_task(self._renew(connect))
        try:
            yield True
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])
            await give_back(self.release, connection, connect, seconds=self.seconds)

    async def _renew(self, connect: Connect) -> None:
        while True:
            await asyncio.sleep(self.seconds / RENEWALS)
            with suppress(DatabaseUnavailableError, asyncpg.PostgresError):
                async with connect() as connection:
                    if await self.claim(connection) is None:
                        return

    async def release(self, connection: asyncpg.Connection) -> None:
        """Let anybody else take it at once."""
        await connection.execute(RELEASE, self.name, self.holder)

    async def find_holder(self, connection: asyncpg.Connection) -> tuple[str, float] | None:
        """Return who holds it and for how many seconds more; None where it never was held."""
        record = await connection.fetchrow(SELECT_HOLDER, self.name)
        return (record["holder"], record["seconds"]) if record else None


async def give_back(
    write: Callable[[asyncpg.Connection], Awaitable[object]],
    connection: asyncpg.Connection,
    connect: Connect,
    *,
    seconds: float,
) -> None:
    """Write what ends a claim: over another connection where its own fails, once the database is
    back. None of this takes the place of what the work came to.

    Args:
        write: Changes nothing where it was done before.
        connection: Is tried first.
        connect: Opens others.
        seconds: How long it is tried, after which the claim runs out by itself; work that is being
            cancelled tries for 1 s at most, and so does what is cancelled meanwhile. What couldn't
            be written is logged.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        seconds = min(seconds, SECONDS_AT_A_STOP)
    # A task of its own: within one that is being cancelled, what fails is told as cancelled.
    writing = asyncio.create_task(_write(write, connection, connect))
    try:
        await asyncio.wait([writing], timeout=seconds)
    except asyncio.CancelledError:
        await asyncio.wait([writing], timeout=SECONDS_AT_A_STOP)
        raise
    finally:
        writing.cancel()
        await asyncio.wait([writing])
        if writing.cancelled():
            log.warning("claim_not_given_back", error=TimeoutError.__name__)
        elif error := writing.exception():
            log.warning("claim_not_given_back", error=type(error).__name__)


async def _write(
    write: Callable[[asyncpg.Connection], Awaitable[object]],
    connection: asyncpg.Connection,
    connect: Connect,
) -> None:
    with suppress(Exception):  # what is wrong with more than this connection, another one tells
        await write(connection)
        return
    while True:
        with suppress(DatabaseUnavailableError, asyncpg.PostgresError):
            async with connect() as another:
                await write(another)
            return
        await asyncio.sleep(SECONDS_TO_TRY_AGAIN)
