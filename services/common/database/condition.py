"""Looks at the way into the database: through a pooler or not, to what server, how full it is."""

from dataclasses import dataclass
from typing import Final

import asyncpg

from services.common.database.connecting import ServerTraits
from services.common.diagnosis.checks import Check, CheckResult

# Whoever may connect may ask this; of others' sessions they would see next to nothing.
SELECT_LOAD: Final = """
    SELECT (SELECT sum(numbackends)::int FROM pg_stat_database) AS used,
           current_setting('max_connections')::int AS most
"""
# Beyond this share a service or two more don't fit.
FULL: Final = 0.8


@dataclass(frozen=True, slots=True)
class DatabaseLoad:
    """How many of a server's connections are taken, and how many there are."""

    used: int
    most: int


async def load_database_load(connection: asyncpg.Connection) -> DatabaseLoad:
    """Ask a server how full it is."""
    [record] = await connection.fetch(SELECT_LOAD)
    return DatabaseLoad(**record)


def check_access(traits: ServerTraits, *, has_direct_url: bool | None = None) -> Check:
    """Judge what the way into the database leads to.

    Args:
        has_direct_url: Whether DATABASE_DIRECT_URL is set; None where that isn't known.
    """
    name = "database access"
    found = "through a pooler" if traits.is_pooled else "straight to the server"
    if traits.is_standby:
        remedy = "Name the server that takes writes in DATABASE_URL, or several with commas."
        return Check(name, f"{found}, which is a standby", CheckResult.FAIL, remedy)
    if traits.is_pooled and has_direct_url is False:
        found += "; nothing is announced there, so the autopilot looks every few seconds"
        remedy = "Set DATABASE_DIRECT_URL to a URL that leads past the pooler."
        return Check(name, found, CheckResult.WARN, remedy)
    return Check(name, found)


def check_load(load: DatabaseLoad) -> Check:
    """Judge how full a server is."""
    found = f"{load.used} of {load.most} connections are taken"
    if load.used < FULL * load.most:
        return Check("connections", found)
    remedy = "Raise max_connections, or put a pooler before the server."
    return Check("connections", found, CheckResult.WARN, remedy)
