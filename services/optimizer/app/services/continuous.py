"""The continuous mode: looks again whenever an answer fails, and now and then in any case."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
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


async def watch_failures(
    *,
    database_url: str,
    timeout_seconds: float,
    poll_seconds: float,
    run_once: RunOnce,
    follow: Follow,
    woken: asyncio.Event,
    stop: asyncio.Event,
) -> None:
    """Run at once, after each failure that is logged and each job that a person asks for, when
    woken, and every `poll_seconds`, until stopped. Behind a pooler nothing is announced: it looks
    more often.

    Whatever fails on the way (the database is gone, a service is down, a row is absurd) is logged
    and tried again after a pause that grows; only `stop` ends it.

    Args:
        database_url: Where failures are announced; the connection is its own.
        poll_seconds: Longest time between two runs.
        run_once: One run; tells whether it did anything. Cancelled by `stop`: its activations
            are transactions, so nothing is left half.
        follow: Looks after what serves a share of traffic, between runs; tells whether it has to
            do so again soon.
        woken: Set when it is time to look again, whatever is announced.
    """
    watch = _Watch(poll_seconds, run_once, follow, woken, stop)
    opener = Opener(database_url, timeout_seconds=timeout_seconds)
    while not stop.is_set():
        try:
            async with opener.connection() as connection:
                await watch.look_until_stopped(connection, opener)
        except Exception as error:  # noqa: BLE001 - it runs unattended, and nothing would start it again
            pause_seconds = next(watch.pauses)
            log_failure(error, pause_seconds)
            await _wait_for_any(stop, timeout_seconds=pause_seconds)
    log.info("failure_watch_stopped")


class _Watch:
    """Looks, and looks again; what it learnt outlasts its connections."""

    def __init__(
        self,
        poll_seconds: float,
        run_once: RunOnce,
        follow: Follow,
        woken: asyncio.Event,
        stop: asyncio.Event,
    ) -> None:
        self._poll_seconds = poll_seconds
        self._run_once = run_once
        self._follow = follow
        self._woken = woken
        self._stop = stop
        self._pace = Pace()
        self._is_pooled = False
        self.pauses = growing_pauses()

    async def look_until_stopped(self, connection: asyncpg.Connection, opener: Opener) -> None:
        """Look at each failure that is announced over this connection, until stopped."""
        was_pooled, self._is_pooled = self._is_pooled, opener.leads_through_a_pooler
        # LISTEN comes before the first run, so that no failure falls between the two.
        news = await _listen(connection, () if self._is_pooled else CHANNELS)
        if self._is_pooled:
            self._poll_seconds = min(self._poll_seconds, POOLED_POLL_SECONDS)
            if not was_pooled:
                log.warning("failure_watch_polls", remedy=POOLED_REMEDY)
        log.info("failure_watch_started", channel=CHANNEL, poll_seconds=self._poll_seconds)
        while not self._stop.is_set():
            await self._look_and_wait(connection, news)

    async def _look_and_wait(self, connection: asyncpg.Connection, news: asyncio.Event) -> None:
        had_news = news.is_set()
        news.clear()
        self._woken.clear()
        await connection.fetchval("SELECT 1")  # notices a connection that died
        acted = await _run_until_stopped(self._run_once, self._stop)
        self.pauses = growing_pauses()
        follow = partial(_follow_until, look=partial(self._follow, connection), stop=self._stop)
        interval = self._pace.find_interval(had_news=had_news, acted=acted)
        await follow(self._woken, self._stop, seconds=interval)
        echo_seconds = min(ECHO_SECONDS, self._poll_seconds)
        seconds = echo_seconds if had_news else self._poll_seconds
        await follow(news, self._woken, self._stop, seconds=seconds)
        if news.is_set():
            await _wait_for_any(self._stop, timeout_seconds=DEBOUNCE_SECONDS)


async def _listen(connection: asyncpg.Connection, channels: Iterable[str]) -> asyncio.Event:
    """Set the event at each failure or job that is announced, and when the connection is lost."""
    news = asyncio.Event()
    connection.add_termination_listener(lambda _: news.set())
    for channel in channels:
        await connection.add_listener(channel, lambda *_: news.set())
    return news


async def _follow_until(
    *events: asyncio.Event, look: RunOnce, stop: asyncio.Event, seconds: float
) -> None:
    """Wait for an event or until the time is over, and look while there is something to."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not any(event.is_set() for event in events) and (left := end - loop.time()) > 0:
        has_more = await _run_until_stopped(look, stop)
        pause_seconds = min(left, FOLLOW_SECONDS) if has_more else left
        await _wait_for_any(*events, timeout_seconds=pause_seconds)


async def _run_until_stopped(run_once: RunOnce, stop: asyncio.Event) -> bool:
    """Run once, and tell whether it did anything; a stop cancels it and waits until it let go."""
    done = asyncio.Event()
    run = asyncio.ensure_future(run_once())
    run.add_done_callback(lambda _: done.set())
    try:
        await _wait_for_any(stop, done)
    finally:
        if not run.done():
            run.cancel()
            await asyncio.wait([run])
    if run.cancelled() and stop.is_set():
        return False
    acted = await run
    log.debug("continuous_run_completed", acted=acted)
    return acted


async def _wait_for_any(*events: asyncio.Event, timeout_seconds: float | None = None) -> None:
    """Return when one of the events is set, or when the time is over."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
