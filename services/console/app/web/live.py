"""Tells open pages that something changed: one look at the database for all of them."""

import asyncio
import hashlib
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

from services.common.database import Database
from services.common.database.failures import surviving
from services.common.errors import ServiceError

POLL_SECONDS: Final = 2.0
# Within this time a stream finds out that its session has ended.
HEARTBEAT_SECONDS: Final = 15.0
MAX_STREAMS: Final = 100

# Each part is found by an index, however long the log is.
SELECT_MARK: Final = """
    SELECT concat_ws(' ',
        (SELECT max(id) FROM selfheal.activations),
        (SELECT max(id) FROM selfheal.audit),
        (SELECT max(latest) FROM (SELECT DISTINCT task_type FROM prompts WHERE is_active) AS served,
            LATERAL (SELECT max(created_at) AS latest FROM selfheal.healing_runs AS run
                     WHERE run.task_type = served.task_type) AS runs),
        (SELECT max(id) FROM selfheal.watches),
        (SELECT count(*) FROM selfheal.watches WHERE ended_at IS NULL),
        (SELECT concat_ws('/', bucket, sum(requests), sum(unscored)) FROM selfheal.traffic
            WHERE bucket = (SELECT max(bucket) FROM selfheal.traffic) GROUP BY bucket))
"""


class TooManyStreamsError(ServiceError):
    """So many pages are open that this one isn't told of changes."""

    status_code = 503
    code = "too_many_streams"


class Changes:
    """Looks while somebody listens, and tells all who do."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mark = ""
        self._told = asyncio.Condition()
        self._secret = secrets.token_bytes()
        self._streams = 0
        self._looking: asyncio.Task[None] | None = None
        self._is_closing = False

    @contextmanager
    def ending_with_the_process(self) -> Iterator[None]:
        """End the streams at SIGTERM and Ctrl-C: the server waits until its answers are sent."""
        earlier = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        loop = asyncio.get_running_loop()

        def end(number: int, frame: FrameType | None) -> None:
            asyncio.run_coroutine_threadsafe(self.close(), loop)
            if callable(handler := earlier[signal.Signals(number)]):
                handler(number, frame)

        with suppress(ValueError):  # No signals outside the main thread.
            for number in earlier:
                signal.signal(number, end)
        yield
        with suppress(ValueError):
            for number, handler in earlier.items():
                signal.signal(number, handler)

    async def close(self) -> None:
        """End all streams."""
        self._is_closing = True
        self._stop_looking()
        async with self._told:
            self._told.notify_all()

    def require_room(self) -> None:
        """Refuse another stream where there are as many as there may be."""
        if self._streams >= MAX_STREAMS:
            raise TooManyStreamsError("Too many pages are open. Load this one anew by hand.")

    async def stream(
        self, known: str, is_still_in: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[str]:
        """Give events in the form of `text/event-stream`, until the session ends.

        Args:
            known: The last event's id that the browser has seen; empty at first.
            is_still_in: Tells whether the session still holds.
        """
        if self._streams >= MAX_STREAMS:
            # Others that had room as well when they asked have begun by now.
            yield "retry: 60000\n\n"
            return
        self._streams += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            yield "retry: 5000\n\n"
            while not self._is_closing and await is_still_in():
                mark = await self._wait_for_another(known)
                if mark == known or not known:
                    yield f"id: {mark}\n: nothing new\n\n"
                else:
                    yield f"id: {mark}\nevent: change\ndata: now\n\n"
                known = mark
        finally:
            self._streams -= 1
            if not self._streams:
                self._stop_looking()

    def _stop_looking(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _wait_for_another(self, known: str) -> str:
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS), self._told:
                await self._told.wait_for(
                    lambda: self._is_closing or (self._mark and self._mark != known)
                )
        return self._mark or known

    def _seal(self, mark: str) -> str:
        """Tell marks apart without what they count, which isn't everybody's to see."""
        return hashlib.blake2b(mark.encode(), key=self._secret, digest_size=12).hexdigest()

    async def _look(self) -> None:
        while True:
            with surviving("changes_not_read"):
                async with self._database.connection() as connection:
                    mark = self._seal(await connection.fetchval(SELECT_MARK))
                if mark != self._mark:
                    self._mark = mark
                    async with self._told:
                        self._told.notify_all()
            await asyncio.sleep(POLL_SECONDS)
