"""Work that goes on in the background, while the continuous mode looks at other task types."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext
from types import TracebackType
from typing import Final, Self

import asyncpg

from services.common.errors import ServiceError
from services.common.logging import get_logger

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0

# Does one thing; tells whether it did anything, so that it is worth to look again.
Work = Callable[[], Awaitable[bool]]

log = get_logger()


class BackgroundWork:
    """Heals, and jobs of people, that nobody waits for; leaving its context cancels all of them.

    What fails is logged, and its name is taken for a pause that grows with each failure in a row:
    so long nothing is begun under it again.

    Args:
        most: How many go on at a time; others wait for their turn.

    Attributes:
        ended: Set whenever something was done, or is to be tried again.
    """

    def __init__(self, most: int) -> None:
        self.ended = asyncio.Event()
        self._turns = asyncio.Semaphore(most)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._pauses: dict[str, Iterator[float]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        """Cancel all that goes on, and wait until it has let go of what it held."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def names(self) -> frozenset[str]:
        """Names of what goes on."""
        return frozenset(self._tasks)

    def start(self, name: str, work: Work, *, takes_turns: bool = True) -> None:
        """Begin work, unless some of this name goes on.

        Args:
            takes_turns: Whether it waits while as many go on as may.
        """
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(self._run(name, work, takes_turns=takes_turns))

    async def _run(self, name: str, work: Work, *, takes_turns: bool) -> None:
        try:
            is_news = await self._try(name, work, takes_turns=takes_turns)
        finally:
            del self._tasks[name]
        if is_news:
            self.ended.set()

    async def _try(self, name: str, work: Work, *, takes_turns: bool) -> bool:
        try:
            async with self._turns if takes_turns else nullcontext():
                is_news = await work()
        except Exception as error:  # noqa: BLE001 - it runs unattended, and nothing would tell of it
            pause_seconds = next(self._pauses.setdefault(name, growing_pauses()))
            log_failure(error, pause_seconds)
            await asyncio.sleep(pause_seconds)
            return True
        self._pauses.pop(name, None)
        return is_news


def growing_pauses() -> Iterator[float]:
    """Give pauses in seconds that double up to the longest."""
    pause_seconds = FIRST_PAUSE_SECONDS
    while True:
        yield pause_seconds
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)


def log_failure(error: Exception, retry_seconds: float) -> None:
    """Log what went wrong, and when it is tried again; never the error's own words."""
    log.error(
        "continuous_run_failed",
        code=_find_code(error),
        error=type(error).__name__,
        retry_seconds=retry_seconds,
    )


def _find_code(error: Exception) -> str:
    if isinstance(error, ServiceError):
        return error.code
    return "database_error" if isinstance(error, asyncpg.PostgresError) else "unexpected_error"
