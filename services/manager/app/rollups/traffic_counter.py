"""Keeps the counted traffic right: the latest minutes often, older ones in turns."""

import math
import time
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from services.common.database import Database
from services.common.record.traffic import BUCKET, floor_to_bucket
from services.manager.app.leased_rounds import LeasedRounds
from services.manager.app.rollups.counting import (
    FIND_LATEST,
    FORGET,
    HAS_UNCOUNTED,
    KEPT,
    TIMEOUT_SECONDS,
    count_buckets,
)

RECENT: Final = timedelta(minutes=15)
SWEPT: Final = timedelta(days=35)
LONGEST_SLICE: Final = timedelta(hours=1)
# A slice that takes longer is halved, one that takes much less is doubled.
SLICE_SECONDS: Final = 0.5
LEAST_PAUSE_SECONDS: Final = 0.02


class TrafficCounter(LeasedRounds):
    """Counts in rounds for as long as it runs, while it holds the lease.

    A round counts the last 15 minutes anew, and one older slice. The slices go back from now and
    round again, so that a late score, a removed row or a late commit comes right within hours.
    Where the log was never counted they follow one another with pauses as long as they took.
    """

    name, failure = "traffic", "traffic_not_counted"
    lease_seconds, pause_seconds = 30, 10

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._slice = LONGEST_SLICE
        self._counted_at = -math.inf

    async def work_round(self) -> float | None:
        """Count a round; the latest minutes no more often than that."""
        begun = time.monotonic()
        with_recent = begun - self._counted_at >= self.pause_seconds
        if with_recent:
            self._counted_at = begun
        if not await self.count_round(with_recent=with_recent):
            return None
        return max(time.monotonic() - begun, LEAST_PAUSE_SECONDS)

    async def count_round(self, *, with_recent: bool = True) -> bool:
        """Count a round, where no other Manager holds the lease.

        Returns:
            Whether older rows were never counted, so that the next slice shouldn't wait.

        Raises:
            DatabaseUnavailableError: If the database gives no answer.
        """
        async with self._database.connection() as connection, connection.transaction():
            claim = await self._lease.claim(connection)
            if claim is None:
                return False
            now = claim.claimed_at
            recent = floor_to_bucket(now - RECENT)
            if with_recent:
                await count_buckets(connection, recent, floor_to_bucket(now) + BUCKET)
                await connection.execute(FORGET, now - KEPT, timeout=TIMEOUT_SECONDS)
            position = await self._count_slice(connection, now, claim.position or recent)
            await self._lease.move(connection, position)
            swept = now - SWEPT, position
            return position is not None and bool(
                await connection.fetchval(HAS_UNCOUNTED, *swept, timeout=TIMEOUT_SECONDS)
            )

    async def _count_slice(
        self, connection: asyncpg.Connection, now: datetime, position: datetime
    ) -> datetime | None:
        """Count a slice before a position; gives the next position, None to begin again."""
        swept = now - SWEPT, position
        latest = await connection.fetchval(FIND_LATEST, *swept, timeout=TIMEOUT_SECONDS)
        if latest is None:
            return None
        end = floor_to_bucket(latest) + BUCKET
        begun = time.perf_counter()
        start = end - self._slice
        await count_buckets(connection, start, end)
        self._adapt_slice(time.perf_counter() - begun)
        return start

    def _adapt_slice(self, seconds: float) -> None:
        if seconds > SLICE_SECONDS:
            half = self._slice / 2
            self._slice = max(half - half % BUCKET, BUCKET)
        elif seconds < SLICE_SECONDS / 4:
            self._slice = min(self._slice * 2, LONGEST_SLICE)
