"""Hands out a fixed number of slots, first come, first served."""

import asyncio
from collections.abc import Iterable


class SlotPool:
    """Hands out slots; who has waited longest for one gets the next."""

    def __init__(self, slots: Iterable[int]) -> None:
        self._free = list(slots)
        # Serves in order, as a queue doesn't: it can give a newcomer what woke another.
        self._turns = asyncio.Semaphore(len(self._free))

    async def take(self) -> int:
        """Take a free slot, waiting in line for one."""
        await self._turns.acquire()
        return self._free.pop()

    def give_back(self, slot: int) -> None:
        """Give a slot back, to the next in line."""
        self._free.append(slot)
        self._turns.release()
