"""Hands out a fixed number of slots, first come, first served."""

import asyncio
from collections import deque
from collections.abc import Iterable


class SlotPool:
    """Slots are handed from one who is done straight to the one who has waited longest.

    A semaphore or a queue of asyncio would let a newcomer in before one who was already woken.
    """

    def __init__(self, slots: Iterable[int]) -> None:
        self._free = deque(slots)
        self._waiting: deque[asyncio.Future[int]] = deque()

    async def take(self) -> int:
        """A slot that nobody else has."""
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
        """Let somebody else have it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(slot)
                return
        self._free.append(slot)
