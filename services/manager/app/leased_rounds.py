"""Work in rounds, which of all Managers the one does that holds its lease."""

import asyncio
from abc import abstractmethod
from contextlib import suppress
from typing import ClassVar
from uuid import uuid4

import asyncpg

from services.common.database import Database
from services.common.database.failures import surviving
from services.common.errors import DatabaseUnavailableError
from services.common.logging import get_logger
from services.common.record.leases import SECONDS_AT_A_STOP, Lease
from services.common.resilience.background import Background

log = get_logger()


class LeasedRounds(Background):
    """Works in rounds for as long as it runs.

    Attributes:
        name: The lease's.
        lease_seconds: How long a claim holds.
        pause_seconds: How long it rests after a round.
        failure: What is logged where a round fails; of like ones in a row the first.
    """

    name: ClassVar[str]
    lease_seconds: ClassVar[float] = 60
    pause_seconds: ClassVar[float] = 60
    failure: ClassVar[str]

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lease = Lease(self.name, uuid4().hex, self.lease_seconds)

    async def close(self) -> None:
        """Stop, and leave the lease to others, whatever ended the work."""
        try:
            await super().close()
        finally:
            with surviving("lease_not_released"), suppress(TimeoutError):
                async with asyncio.timeout(SECONDS_AT_A_STOP):
                    async with self._database.connection() as connection:
                        await self._lease.release(connection)

    @abstractmethod
    async def work_round(self) -> float | None:
        """Work, where no other Manager is at it; returns a rest of its own, in seconds.

        Raises:
            DatabaseUnavailableError: If the database goes away; what was done stays so.
        """

    async def _run(self) -> None:
        pause_seconds, told = self.pause_seconds, ""
        while True:
            await asyncio.sleep(pause_seconds)
            pause_seconds = self.pause_seconds
            try:
                pause_seconds = await self.work_round() or pause_seconds
                told = ""
            except (DatabaseUnavailableError, asyncpg.PostgresError) as error:
                if str(error) != told:
                    log.warning(self.failure, message=str(error))
                told = str(error)
