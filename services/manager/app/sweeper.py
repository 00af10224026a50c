"""Forgets what is kept for a while and no longer, and adds up what was spent: one Manager at a
time.
"""

from typing import Final

from services.common.costs.bill import NO_PLACE, REMEDY, is_spending_kept
from services.common.costs.hours import MERGE
from services.common.logging import get_logger
from services.manager.app.idempotency.calls import KEPT_HOURS
from services.manager.app.leased_rounds import LeasedRounds

TIMEOUT_SECONDS: Final = 60.0
LANDINGS_KEPT_DAYS: Final = 31


def _write_sweep(table: str, age: str, kept: str, at_once: int) -> str:
    is_over = f"{age} < now() - interval '{kept}'"
    return f"""
        WITH swept AS (
            DELETE FROM {table}
            WHERE {is_over} AND ctid = ANY (ARRAY(
                SELECT ctid FROM {table} WHERE {is_over} ORDER BY {age} LIMIT {at_once}
            ))
            RETURNING 1
        )
        SELECT count(*) = {at_once} FROM swept
    """


# Each takes a few rows, and tells whether there may be more.
SWEEPS: Final = (
    # An answer may have megabytes.
    _write_sweep("selfheal.idempotent_calls", "created_at", f"{KEPT_HOURS} hours", 500),
    _write_sweep("selfheal.landings", "landed_at", f"{LANDINGS_KEPT_DAYS} days", 20_000),
    MERGE,
)

log = get_logger()


class Sweeper(LeasedRounds):
    """Sweeps now and then for as long as it runs, while it holds the lease."""

    name, failure = "sweep", "sweep_failed"

    async def work_round(self) -> None:
        """Forget what is over, where no other Manager is at it."""
        for statement in SWEEPS:
            has_more = True
            while has_more:
                async with self._database.connection() as connection, connection.transaction():
                    if await self._lease.claim(connection) is None:
                        return
                    if statement is MERGE and not await is_spending_kept(connection):
                        log.warning("spending_not_kept", message=f"{NO_PLACE} {REMEDY}")
                        return
                    has_more = await connection.fetchval(statement, timeout=TIMEOUT_SECONDS)
