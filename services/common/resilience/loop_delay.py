"""Measures how long work waits for the event loop, and how much of it is too much."""

import asyncio
from collections import deque
from typing import Final

from services.common.resilience.background import Background
from services.common.resilience.ranks import Rank

SAMPLE_SECONDS: Final = 0.05
# The shorter of two samples is the queue that stands; what is in one alone is a burst, as CoDel has
# it (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 2012).
SAMPLES: Final = 2
# A request takes some ten turns of each service's event loop, and waits so long at each.
TARGET_SECONDS: Final = 0.03
# Where fewer requests a second come, it is others who keep the machine busy, and to refuse helps
# little.
FEW_A_SECOND: Final = 50
# How fast the refused share follows the delay, as in PIE (RFC 8033): by half of all requests in a
# second where the delay is twice the target, or none.
GAIN: Final = 0.5
MOST_OVER: Final = 4.0
LONGEST_STEP_SECONDS: Final = 0.25
# What is let through whatever the delay, or nothing would tell that it is over.
MOST_REFUSED: Final = 0.95


class LoopDelay(Background):
    """Refuses as large a share of requests as keeps the event loop's delay near its target."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.refused_share = 0.0
        self._samples: deque[float] = deque(maxlen=SAMPLES)
        self._owed = 0.0
        self._come = 0
        self._come_a_second = 0.0

    def tell(self, delay_seconds: float) -> None:
        """Take a sample into account: how late the event loop was after 50 ms."""
        self._samples.append(delay_seconds)
        self.seconds = min(self._samples)
        seconds = SAMPLE_SECONDS + delay_seconds
        self._come_a_second += (self._come / seconds - self._come_a_second) * min(seconds, 1)
        self._come = 0
        over = min(self.seconds / TARGET_SECONDS - 1, MOST_OVER)
        if self._come_a_second < FEW_A_SECOND:
            over = -1
        step_seconds = min(seconds, LONGEST_STEP_SECONDS)
        share = self.refused_share + GAIN * over * step_seconds
        self.refused_share = min(max(share, 0.0), MOST_REFUSED)

    def admits(self, rank: Rank) -> bool:
        """Tell whether a request may be taken on: of live ones a share, of the others all or none.

        Every request is to be asked for once.
        """
        self._come += 1
        if rank is not Rank.LIVE:
            return self.refused_share == 0
        self._owed += self.refused_share
        if self._owed < 1:
            return True
        self._owed -= 1
        return False

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + SAMPLE_SECONDS
            await asyncio.sleep(SAMPLE_SECONDS)
            self.tell(max(0.0, loop.time() - due))
