"""The keys that are valid now, in memory: asked of the database twice a second, by nobody's wait.

A revoked key is refused within a second. While the database is away the last known keys hold, for
as long as their age allows.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final

import asyncpg

from services.common.access.key_records import load_valid_keys
from services.common.access.keys import ApiKey
from services.common.config import ManagerSettings
from services.common.database import connect
from services.common.errors import DatabaseUnavailableError
from services.common.logging import get_logger
from services.common.resilience.background import Background

POLL_SECONDS: Final = 0.5

log = get_logger()


class KeyStore(Background):
    """Holds the valid keys, over a connection of its own that no request has to wait for.

    Args:
        clock: Gives seconds that only grow.

    Attributes:
        keys: By their ids; None until they were read for the first time.
    """

    def __init__(
        self, settings: ManagerSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.keys: dict[str, ApiKey] | None = None
        self._clock = clock
        self._asked_at = -math.inf
        self._url = settings.database_url.get_secret_value()
        self._timeout_seconds = settings.database_timeout_seconds
        self._told = ""

    @property
    def age_seconds(self) -> float:
        """How long ago the keys were as they are here; infinite before they were read."""
        return self._clock() - self._asked_at

    async def load(self) -> dict[str, ApiKey]:
        """Ask once.

        Raises:
            DatabaseUnavailableError: If they can't be read.
        """
        async with connect(self._url, timeout_seconds=self._timeout_seconds) as connection:
            return await self.read(connection)

    async def read(self, connection: asyncpg.Connection) -> dict[str, ApiKey]:
        """Read them over a connection."""
        asked_at = self._clock()
        self.keys = await load_valid_keys(connection)
        self._asked_at = asked_at
        return self.keys

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
            except (DatabaseUnavailableError, asyncpg.PostgresError) as error:
                if str(error) != self._told:
                    log.warning("keys_unavailable", message=str(error))
                self._told = str(error)
            await asyncio.sleep(POLL_SECONDS)

    async def _follow(self) -> None:
        """Ask again and again, until the connection is lost."""
        async with connect(self._url, timeout_seconds=self._timeout_seconds) as connection:
            while True:
                await self.read(connection)
                self._told = ""
                await asyncio.sleep(POLL_SECONDS)
