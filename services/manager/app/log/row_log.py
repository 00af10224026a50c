"""The log of one process: who writes rows, the spool behind, and who lands what is in it."""

import asyncio

from services.common.database import Database
from services.common.settings.resilience import SpoolSettings
from services.manager.app.log.landing import Lander
from services.manager.app.log.metrics import SpoolMetrics
from services.manager.app.log.spool.spool import Spool
from services.manager.app.log.spool.state import measure
from services.manager.app.log.writer import RowWriter


class RowLog:
    """Wires the log.

    Attributes:
        writer: Writes rows.
    """

    def __init__(self, database: Database, settings: SpoolSettings, metrics: SpoolMetrics) -> None:
        self._metrics = metrics
        metrics.set_limit(settings.spool_max_bytes)
        self._database = database
        self._is_spooling = settings.log_when_away == "spool"
        self._spool = Spool(settings.spool_directory, max_bytes=settings.spool_max_bytes)
        self._lander = Lander(database, self._spool, metrics.count_landed)
        self.writer = RowWriter(database, self._spool if self._is_spooling else None)

    def start(self) -> None:
        """Begin to land what is in the spool, also what was left there by an earlier process."""
        self._lander.start()

    async def close(self) -> None:
        """Stop landing, and wait for what is being spooled."""
        try:
            await self._lander.close()
        finally:
            await self._spool.close()

    async def find_obstacle(self) -> str:
        """Say why no row can be kept now, neither in the database nor on the spool."""
        obstacle = await self._database.find_obstacle()
        return await self._spool.find_obstacle() if obstacle and self._is_spooling else obstacle

    async def refresh_metrics(self) -> None:
        """Show what is in the spool."""
        self._metrics.set_state(await asyncio.to_thread(measure, self._spool.directory))
