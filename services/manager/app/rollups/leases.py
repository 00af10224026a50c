"""Work that one Manager at a time does, by a row of `selfheal.leases`.

No advisory lock: a pooler of transactions may stand before PostgreSQL.
"""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

# Looks first, so that nobody waits for the transaction of who holds it.
CLAIM = """
    INSERT INTO selfheal.leases AS l (name, holder, held_until)
    SELECT $1, $2, now() + make_interval(secs => $3)
    WHERE NOT EXISTS (
        SELECT FROM selfheal.leases
        WHERE name = $1 AND holder NOT IN ($2, '') AND held_until >= now()
    )
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
    WHERE l.holder IN (excluded.holder, '') OR l.held_until < now()
    RETURNING position, now() AS claimed_at
"""
MOVE = "UPDATE selfheal.leases SET position = $3 WHERE name = $1 AND holder = $2"
# The time stays: it tells when work was done last.
RELEASE = "UPDATE selfheal.leases SET holder = '' WHERE name = $1 AND holder = $2"
SELECT_AGE = """
    SELECT extract(epoch FROM now() - held_until)::float + $2
    FROM selfheal.leases WHERE name = $1
"""


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

    async def release(self, connection: asyncpg.Connection) -> None:
        """Let anybody else take it at once."""
        await connection.execute(RELEASE, self.name, self.holder)

    async def age_seconds(self, connection: asyncpg.Connection) -> float | None:
        """Return how long ago it was claimed last, by anybody; None where it never was."""
        age: float | None = await connection.fetchval(SELECT_AGE, self.name, self.seconds)
        return age
