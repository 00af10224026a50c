"""The continuous mode: looks again whenever an answer fails, and now and then in any case."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import asyncpg

from services.common.database import Opener
from services.common.logging import get_logger
from services.common.record.jobs import CHANNEL as JOBS_CHANNEL
from services.optimizer.app.services.background import growing_pauses, log_failure

CHANNEL: Final = "selfheal_failures"
CHANNELS: Final = (CHANNEL, JOBS_CHANNEL)
# Failures come in bursts; what comes within this time is looked at once.
DEBOUNCE_SECONDS: Final = 0.05
# While failures pour in, the time between two looks doubles up to the longest.
FIRST_INTERVAL_SECONDS: Final = 0.1
LONGEST_INTERVAL_SECONDS: Final = 2.0
# Of failures that are committed at once one is announced: so much later all of them are there.
ECHO_SECONDS: Final = 2.0
# Through a pooler nothing is heard of what is announced.
POOLED_POLL_SECONDS: Final = 10.0
POOLED_REMEDY: Final = "To hear of failures at once, set DATABASE_DIRECT_URL past the pooler."

# So often is looked after what serves a share of traffic.
FOLLOW_SECONDS: Final = 0.5

RunOnce = Callable[[], Awaitable[bool]]
Follow = Callable[[asyncpg.Connection], Awaitable[bool]]

log = get_logger()


class Pace:
    """Spaces looks out while failures pour in, and nothing is to be done about them."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def find_interval(self, *, had_news: bool, acted: bool) -> float:
        """Find how many seconds to wait before the next look; none after one that did anything.

        Args:
            had_news: Whether failures were announced before this look.
        """
        longer = 2 * self._seconds or FIRST_INTERVAL_SECONDS
        self._seconds = min(longer, LONGEST_INTERVAL_SECONDS) if had_news and not acted else 0.0
        return self._seconds


@dataclass(slots=True)
class FailureWatch:
    """Looks at once, after each failure that is logged and each job that a person asks for, when
    woken, and every `poll_seconds`, until stopped. Behind a pooler nothing is announced: it looks
    more often.

    Attributes:
        poll_seconds: Longest time between two looks.
        run_once: One look; tells whether it did anything. Cancelled by `stop`: its activations
            are transactions, so nothing is left half.
        follow: Looks after what serves a share of traffic, in between; tells whether it has to do
            so again soon.
        woken: Set when it is time to look again, whatever is announced.
    """

    poll_seconds: float
    run_once: RunOnce
    follow: Follow
    woken: asyncio.Event
    stop: asyncio.Event
    _pace: Pace = field(default_factory=Pace, init=False)
    _pauses: Iterator[float] = field(default_factory=growing_pauses, init=False)
    _is_pooled: bool = field(default=False, init=False)

    async def run(self, opener: Opener) -> None:
        """Watch until stopped, over a connection of its own.

        Whatever fails on the way (the database is gone, a service is down, a row is absurd) is
        logged and tried again after a pause that grows; only `stop` ends it.
        """
        while not self.stop.is_set():
            try:
                async with opener.connection() as connection:
                    await self._watch(connection, is_pooled=opener.leads_through_a_pooler)
            except Exception as error:  # noqa: BLE001 - it runs unattended, and nothing would start it again
                pause_seconds = next(self._pauses)
                log_failure(error, pause_seconds)
                await _wait_for_any(self.stop, timeout_seconds=pause_seconds)
        log.info("failure_watch_stopped")

    async def _watch(self, connection: asyncpg.Connection, *, is_pooled: bool) -> None:
        # LISTEN comes before the first run, so that no failure falls between the two.
        news = await _listen(connection, () if is_pooled else CHANNELS)
        if is_pooled:
            self.poll_seconds = min(self.poll_seconds, POOLED_POLL_SECONDS)
            if not self._is_pooled:
                log.warning("failure_watch_polls", remedy=POOLED_REMEDY)
        self._is_pooled = is_pooled
        log.info("failure_watch_started", channel=CHANNEL, poll_seconds=self.poll_seconds)
        look = partial(self.follow, connection)
        while not self.stop.is_set():
            had_news = news.is_set()
            news.clear()
            self.woken.clear()
            await connection.fetchval("SELECT 1")  # notices a connection that died
            acted = await self._run_until_stopped(self.run_once)
            self._pauses = growing_pauses()
            interval = self._pace.find_interval(had_news=had_news, acted=acted)
            await self._follow_until(look=look, seconds=interval)
            echo_seconds = min(ECHO_SECONDS, self.poll_seconds)
            seconds = echo_seconds if had_news else self.poll_seconds
            await self._follow_until(news, look=look, seconds=seconds)
            if news.is_set():
                await _wait_for_any(self.stop, timeout_seconds=DEBOUNCE_SECONDS)

    async def _follow_until(self, *news: asyncio.Event, look: RunOnce, seconds: float) -> None:
        """Wait for news, to be woken or stopped, or until the time is over; look meanwhile."""
        events = (*news, self.woken, self.stop)
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not any(event.is_set() for event in events) and (left := end - loop.time()) > 0:
            has_more = await self._run_until_stopped(look)
            pause_seconds = min(left, FOLLOW_SECONDS) if has_more else left
            await _wait_for_any(*events, timeout_seconds=pause_seconds)

    async def _run_until_stopped(self, run_once: RunOnce) -> bool:
        """Run once, and tell whether it did anything; a stop cancels it, and waits for that."""
        done = asyncio.Event()
        run = asyncio.ensure_future(run_once())
        run.add_done_callback(lambda _: done.set())
        try:
            await _wait_for_any(self.stop, done)
        finally:
            if not run.done():
                run.cancel()
                await asyncio.wait([run])
        if run.cancelled() and self.stop.is_set():
            return False
        acted = await run
        log.debug("continuous_run_completed", acted=acted)
        return acted


async def _listen(connection: asyncpg.Connection, channels: Iterable[str]) -> asyncio.Event:
    """Set the event at each failure or job that is announced, and when the connection is lost."""
    news = asyncio.Event()
    connection.add_termination_listener(lambda _: news.set())
    for channel in channels:
        await connection.add_listener(channel, lambda *_: news.set())
    return news


async def _wait_for_any(*events: asyncio.Event, timeout_seconds: float | None = None) -> None:
    """Return when one of the events is set, or when the time is over."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
