"""Forgets calls a day after they began: one Manager at a time."""

import asyncio
from typing import Final
from uuid import uuid4

import asyncpg

from services.common.database import Database
from services.common.errors import DatabaseUnavailableError
from services.common.logging import get_logger
from services.common.record.leases import Lease
from services.common.resilience.background import Background
from services.manager.app.idempotency.calls import KEPT_HOURS

LEASE_NAME: Final = "idempotent_calls"
LEASE_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 60.0
TIMEOUT_SECONDS: Final = 60.0
# An answer may have megabytes.
SWEPT_AT_ONCE: Final = 500

_IS_OVER: Final = f"created_at < now() - interval '{KEPT_HOURS} hours'"
SWEEP: Final = f"""
    WITH swept AS (
        DELETE FROM selfheal.idempotent_calls
        WHERE {_IS_OVER} AND ctid = ANY (ARRAY(
            SELECT ctid FROM selfheal.idempotent_calls WHERE {_IS_OVER}
            ORDER BY created_at LIMIT {SWEPT_AT_ONCE}
        ))
        RETURNING 1
    )
    SELECT count(*) FROM swept
"""

log = get_logger()


class Sweeper(Background):
    """Sweeps now and then for as long as it runs, while it holds the lease."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lease = Lease(LEASE_NAME, uuid4().hex, LEASE_SECONDS)

    async def sweep(self) -> None:
        """Forget what is over, where no other Manager is at it.

        Raises:
            DatabaseUnavailableError: If the database gives no answer.
        """
        swept = SWEPT_AT_ONCE
        while swept == SWEPT_AT_ONCE:
            async with self._database.connection() as connection, connection.transaction():
                if await self._lease.claim(connection) is None:
                    return
                swept = await connection.fetchval(SWEEP, timeout=TIMEOUT_SECONDS)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                await self.sweep()
            except (DatabaseUnavailableError, asyncpg.PostgresError) as error:
                log.warning("idempotent_calls_not_swept", message=str(error))
