"""Stops asking a part that refuses: what it would refuse is refused here, for less."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from services.common.errors import UpstreamOverloadedError
from services.common.resilience.ranks import Rank

# So many times what the part takes it is asked, so that it is seen when it takes more: the less,
# the longer it takes until everything is asked again.
MULTIPLE: Final = 1.5
# The past counts for about so long.
MEMORY_SECONDS: Final = 0.25


class Throttle:
    """Refuses the share of requests that the part behind would refuse.

    Client-side throttling, from chapter 21 of *Site Reliability Engineering* (Beyer et al., 2016),
    by shares instead of at random. Only refusals count, not how long an answer takes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at = clock()
        self._asked = 0.0
        self._accepted = 0.0
        self._owed = 0.0

    def admits(self, _rank: Rank = Rank.LIVE) -> bool:
        """Tell whether the part may be asked; a request that isn't is counted."""
        self._forget()
        refused = (self._asked - MULTIPLE * self._accepted) / (self._asked + 1)
        self._owed += max(0.0, refused)
        if self._owed < 1:
            return True
        self._owed -= 1
        self._asked += 1
        return False

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask the part: whether it refuses for now counts, and no other failure."""
        try:
            yield
        except UpstreamOverloadedError:
            self.tell(is_accepted=False)
            raise
        except Exception:
            self.tell(is_accepted=True)
            raise
        self.tell(is_accepted=True)

    def tell(self, *, is_accepted: bool) -> None:
        """Count what became of a request that the part was asked."""
        self._forget()
        self._asked += 1
        self._accepted += is_accepted

    def _forget(self) -> None:
        now = self._clock()
        kept = math.exp((self._told_at - now) / MEMORY_SECONDS)
        self._told_at = now
        self._asked *= kept
        self._accepted *= kept
