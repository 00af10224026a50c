"""A number of places to work in, and whose turn it is for the next one that is free."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from services.common.resilience.ranks import Rank, current_rank


class Turns:
    """Hands out places: the lowest rank first, and in a rank whoever has waited longest.

    Belongs to one event loop.

    Attributes:
        places: How many there are; where it falls, those that are taken are given back first.
        taken: How many are taken now.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.taken = 0
        self._waiting: dict[Rank, deque[asyncio.Future[None]]] = {rank: deque() for rank in Rank}

    def count_waiting(self, rank: Rank) -> int:
        """Count who waits at this rank or a lower one: those before a newcomer."""
        return sum(len(waiting) for of, waiting in self._waiting.items() if of <= rank)

    async def take(self) -> None:
        """Take a place, waiting for one by the rank of the request that is being served."""
        rank = current_rank.get()
        if self.taken < self.places and not self.count_waiting(rank):
            self.taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[rank].append(turn)
        try:
            await turn
        except BaseException:
            if turn.cancelled():
                with suppress(ValueError):  # It was passed over in this very moment.
                    self._waiting[rank].remove(turn)
            else:  # It had its turn in the moment in which it gave up.
                self.give_back()
            raise

    @asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        """Keep a place while something is done."""
        await self.take()
        try:
            yield
        finally:
            self.give_back()

    def give_back(self) -> None:
        """Give a place back, to whose turn it is."""
        self.taken -= 1
        self.fill()

    def fill(self) -> None:
        """Let in who waits, as far as there are places."""
        for waiting in self._waiting.values():
            while waiting and self.taken < self.places:
                turn = waiting.popleft()
                if not turn.done():
                    self.taken += 1
                    turn.set_result(None)
