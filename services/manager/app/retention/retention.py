"""Keeps to the retention settings: one Manager at a time, in small batches beside live traffic."""

import asyncio
import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter

from services.common.database import Database
from services.manager.app.leased_rounds import LeasedRounds
from services.manager.app.retention.removal import Walk
from services.manager.app.retention.rules import Rule

# After a batch it rests for so many times as long as that took.
REST: Final = 3.0
LEAST_REST_SECONDS: Final = 0.02
# What landed late, or was evidence, is found when the log is looked through from its start again.
AGAIN_SECONDS: Final = 86_400.0


class Retention(LeasedRounds):
    """Removes what is due in rounds for as long as it runs, while it holds the lease.

    The lease's position is when the last round began that was gone through with: what was due
    then is gone.

    Args:
        rules: What is removed; without any nothing is done.
        lookback_minutes: How far back a heal looks.
    """

    name, failure = "retention", "retention_failed"
    lease_seconds = 120

    def __init__(
        self,
        database: Database,
        rules: Sequence[Rule],
        *,
        lookback_minutes: int,
        registry: CollectorRegistry,
    ) -> None:
        super().__init__(database)
        self._rules = rules
        self._lookback_minutes = lookback_minutes
        self._walks: list[Walk] = []
        self._begin_again_at = -math.inf
        self._removed = Counter(
            "agent_retention_removed",
            "Rows of the log that were removed, and those whose texts were",
            ["kind"],
            registry=registry,
        )
        for rule in rules:
            self._removed.labels(rule.kind)

    def start(self) -> None:
        """Begin, where there is anything to remove."""
        if self._rules:
            super().start()

    async def work_round(self) -> None:
        """Remove all that is due, where no other Manager is at it."""
        if time.monotonic() >= self._begin_again_at:
            self._begin_again_at = time.monotonic() + AGAIN_SECONDS
            self._walks = [Walk(rule) for rule in self._rules]
        began: datetime | None = None
        for walk in self._walks:
            has_more = True
            while has_more:
                started = time.monotonic()
                worked = await self._work_batch(walk)
                if worked is None:
                    self._begin_again_at = -math.inf
                    return
                began = began or worked[0]
                has_more = worked[1]
                took = time.monotonic() - started
                await asyncio.sleep(max(REST * took, LEAST_REST_SECONDS) if has_more else 0)
        async with self._database.connection() as connection:
            await self._lease.move(connection, began)

    async def _work_batch(self, walk: Walk) -> tuple[datetime, bool] | None:
        """Work a batch; gives its time, and whether there may be more; None without the lease."""
        after, own_time = walk.after, datetime.now(UTC)
        try:
            async with self._database.connection() as connection, connection.transaction():
                claim = await self._lease.claim(connection)
                if claim is None:
                    return None
                began = min(claim.claimed_at, own_time)
                if claim.position is None:
                    await self._lease.move(connection, began)
                removed, has_more = await walk.remove_some(
                    connection, now=own_time, lookback_minutes=self._lookback_minutes
                )
        except BaseException:
            # It may not have been written, and what was is passed over.
            walk.after = after
            raise
        self._removed.labels(walk.rule.kind).inc(removed)
        return began, has_more
