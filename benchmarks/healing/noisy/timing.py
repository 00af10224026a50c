"""Times a repair: from the third failure to a repair that serves a share of the traffic, and all.

The autopilot watches, and users ask at a steady rate.
"""

import asyncio
import time
from datetime import datetime
from typing import Final

from typing_extensions import override

from benchmarks.healing.noisy.incident import Incident
from services.optimizer.app.runs import watch_continuously

REQUESTS_PER_SECOND: Final = 20
MOST_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.1
STOP_SECONDS: Final = 15.0


class TimedRepair(Incident):
    """A bad prompt is deployed under the autopilot's eyes."""

    @override
    async def _go_on(self) -> str:
        """Watch until the repair serves everybody, or the time is up."""
        end = asyncio.Event()
        self._lane.switch.remembers = False  # an Evaluator takes its time
        began = await self._lane.database.now()
        watching = asyncio.create_task(watch_continuously(self._settings, stop=end))
        asking = asyncio.create_task(self._keep_asking())
        try:
            await self._time(began)
        finally:
            self._lane.switch.remembers = True
            asking.cancel()
            end.set()
            async with asyncio.timeout(STOP_SECONDS):
                await watching
        return (await self._lane.database.serving()).content

    async def _time(self, began: datetime) -> None:
        """Note when the third answer failed, and when a repair came.

        All moments are the database's own.
        """
        database, give_up_at = self._lane.database, time.monotonic() + MOST_SECONDS
        share_at: datetime | None = None
        while time.monotonic() < give_up_at:
            await asyncio.sleep(POLL_SECONDS)
            now = await database.now()
            is_all = (await database.serving()).content != self._play.incumbent
            if share_at is None and (is_all or await database.canary_share()):
                share_at = now
            third = await database.third_failure(began)
            if third is None or share_at is None:
                continue
            self.seconds_to_share = (share_at - third).total_seconds()
            if is_all:
                self.seconds_to_all = (now - third).total_seconds()
                return

    async def _keep_asking(self) -> None:
        """Send requests at a steady rate, whatever becomes of them."""
        async with asyncio.TaskGroup() as senders:
            while True:
                for text in self._draw_requests(REQUESTS_PER_SECOND, is_later=False):
                    senders.create_task(self._lane.send(text))
                    await asyncio.sleep(1 / REQUESTS_PER_SECOND)
