"""One at a time changes a database's schema: a lock that a transaction holds."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from selfheal.runtime.errors import PostgresError
from selfheal.runtime.waiting import Progress, silent

Connection = asyncpg.Connection

PATIENCE_SECONDS: Final = 600.0
END_IT: Final = "Wait for it, or end it there: SELECT pg_terminate_backend(process)"
# A session's lock would stay on a pooler's connection.
_TRY_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('selfheal:schema', 0))"
_DESCRIBED: Final = """
    format('%s (%s, process %s of the server), since %s', usename,
           coalesce(nullif(application_name, ''), 'no name'), pid,
           to_char(xact_start AT TIME ZONE 'UTC', 'HH24:MI:SS UTC'))
"""
_SELECT_HOLDER: Final = f"""
    SELECT {_DESCRIBED}
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted
      AND (classid::bigint << 32) | objid::bigint = hashtextextended('selfheal:schema', 0)
"""
# The transaction that has been open the longest, where it is a second old.
SELECT_OLDEST: Final = f"""
    SELECT {_DESCRIBED}
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND xact_start < clock_timestamp() - interval '1 second'
    ORDER BY xact_start LIMIT 1
"""
# As a simple query it ends the one before, too, whose snapshot would else be held.
_STAY: Final = "SET LOCAL idle_in_transaction_session_timeout = 0"
_RETRY_SECONDS: Final = 0.5


@asynccontextmanager
async def alone(connection: Connection, progress: Progress = silent) -> AsyncIterator[None]:
    """Be in a transaction, as the only one that changes the schema of this database.

    Who waits runs no statement meanwhile: a concurrent build of an index waits for the snapshots
    of all statements, that of a waiting one too. For the same reason the isolation is such that
    the transaction has no snapshot between its statements.

    Args:
        progress: Is told whom it waits for.

    Raises:
        PostgresError: If another one is at it for too long.
    """
    told = ""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        async with connection.transaction(isolation="read_committed"):
            if await connection.fetchval(_TRY_LOCK):
                await connection.execute(_STAY)
                yield
                return
        holder = await connection.fetchval(_SELECT_HOLDER) or ""
        if holder and holder != told:
            progress(f"waiting for {holder}, who updates the schema of this database")
            told = holder
        if time.monotonic() > end:
            raise PostgresError(
                f"Another one updates the schema of this database: {told}.", remedy=END_IT
            )
        await asyncio.sleep(_RETRY_SECONDS)
