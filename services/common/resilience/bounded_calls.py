"""Calls to a provider: as many at a time as it takes, and few that wait for their turn."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from services.common.errors import OverloadedError
from services.common.errors.model import ModelRateLimitedError
from services.common.resilience.concurrency_limit import ConcurrencyLimit
from services.common.resilience.ranks import Rank, current_rank
from services.common.resilience.turns import Turns

Result = TypeVar("Result")

PROVIDER: Final = "provider"
# What is nobody's live request may wait so many times as long, and as many of it.
PATIENCE: Final = 6
BACKGROUND_PLACES: Final = 64


class BoundedCalls:
    """Lets so many calls be under way; of live ones, half as many may wait.

    So by Little's law one waits about half as long as a call takes, and never longer than
    `queue_seconds`.

    Args:
        limit: How many calls may be under way.
        queue_seconds: Longest that a live one waits.
        count_refusal: Told of each refusal that comes after a wait.
    """

    def __init__(
        self, limit: ConcurrencyLimit, queue_seconds: float, count_refusal: Callable[[str], None]
    ) -> None:
        self._limit = limit
        self._queue_seconds = queue_seconds
        self._count_refusal = count_refusal
        self._turns = Turns(limit.calls)

    def admits(self, rank: Rank) -> bool:
        """Tell whether a call of this rank would have its turn in time."""
        if self._turns.taken < self._turns.places:
            return True
        if rank is not Rank.LIVE:
            return self._turns.count_waiting(rank) < BACKGROUND_PLACES
        return 2 * self._turns.count_waiting(rank) < self._turns.places

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Keep a place while a call is under way.

        Raises:
            OverloadedError: If there is none in time.
        """
        rank = current_rank.get()
        patience = 1 if rank is Rank.LIVE else PATIENCE
        try:
            if not self.admits(rank):
                raise OverloadedError
            async with asyncio.timeout(patience * self._queue_seconds):
                await self._turns.take()
        except (OverloadedError, TimeoutError) as error:
            self._count_refusal(PROVIDER)
            raise OverloadedError from error
        try:
            yield
        except ModelRateLimitedError as error:
            if error.was_asked:
                self._limit.tell_refusal()
            raise
        else:
            self._limit.tell_answer(is_reached=self._turns.taken >= self._turns.places)
        finally:
            self._turns.places = self._limit.calls
            self._turns.give_back()

    async def hold_for(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do work in a place; where there is none, it isn't begun.

        Raises:
            OverloadedError: If there is no place in time.
        """
        try:
            async with self.hold():
                return await work
        finally:
            work.close()
