"""Hands out a fixed number of slots, first come, first served."""

import asyncio
from collections import deque
from collections.abc import Iterable


class SlotPool:
    """Hands each slot that is given back straight to the caller that has waited longest.

    A semaphore or a queue of asyncio could serve a new caller before one that was already woken.
    """

    def __init__(self, slots: Iterable[int]) -> None:
        self._free = deque(slots)
        self._waiting: deque[asyncio.Future[int]] = deque()

    async def take(self) -> int:
        """Take a free slot, waiting in line for one."""
        if self._free:
            return self._free.popleft()
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(turn.result())
            raise

    def give_back(self, slot: int) -> None:
        """Give a slot back, to the next in line."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(slot)
                return
        self._free.append(slot)
