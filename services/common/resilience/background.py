"""Work that goes on beside the requests."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress


class Background(ABC):
    """Works from `start` to `close`; a subclass says at what, in `_run`."""

    _running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self._running = asyncio.create_task(self._run(), name=type(self).__name__)

    async def close(self) -> None:
        """Stop, even in the middle of something."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    @abstractmethod
    async def _run(self) -> None:
        """Work until it is cancelled."""
