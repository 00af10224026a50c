"""How many calls are worth having under way at a provider that doesn't say how many it takes.

How long calls take says nothing: a longer answer takes longer. So the limit climbs the hill of
throughput, as .NET's thread pool does (Hellerstein et al., "Optimizing Concurrency Levels in the
.NET ThreadPool", FeBID 2008): more calls are worth it while more answers come of them. Where the
provider refuses, it falls by a fifth, as TCP's window does (Chiu and Jain, 1989).
"""

import math
import time
from collections.abc import Callable
from typing import Final

FIRST: Final = 32
# At a vendor's own address, where HTTP 429 says what is too much: a long answer must not keep those
# away who could be served.
FIRST_OF_A_VENDOR: Final = 256
LOWEST: Final = 4
HIGHEST: Final = 1024
STEP: Final = 1.25
# Upwards, until a step showed that the provider serves no more, as TCP starts.
FIRST_STEP: Final = 2.0
# A step up is worth it where it brings half of its share, a step down where it costs a third.
SHARE_UP: Final = 1 / 2
SHARE_DOWN: Final = 1 / 3
DECREASE: Final = 0.8
# A window is at least so long, and has so many answers for each call under way.
WINDOW_SECONDS: Final = 1.0
ANSWERS_A_CALL: Final = 2
# After steps that weren't worth it, in either direction, so many windows at most pass in peace.
LONGEST_REST: Final = 8


class ConcurrencyLimit:
    """Finds out how many calls a provider serves at a time, from how many answers come of them.

    Args:
        fixed: How many, where that is known.
        is_a_vendors: Whether calls go to a vendor's own address, and not to somebody's server.
        clock: Gives seconds that only grow.

    Attributes:
        calls: How many may be under way now.
    """

    def __init__(
        self,
        fixed: int | None = None,
        *,
        is_a_vendors: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.calls = fixed or (FIRST_OF_A_VENDOR if is_a_vendors else FIRST)
        self._is_fixed = fixed is not None
        self._clock = clock
        self._goes_up = False
        self._step_up = FIRST_STEP
        self._failed_steps = 0
        self._rest = 0
        self._fell_at = -math.inf
        # What the limit was before the step that is being tried, and the answers a second then.
        self._before: tuple[int, float] | None = None
        self._begin_window()

    def tell_answer(self, *, is_reached: bool) -> None:
        """Count an answer; a window in which the limit wasn't reached all the time says nothing."""
        self._answers += 1
        self._is_reached &= is_reached
        seconds = self._clock() - self._began_at
        if self._answers < ANSWERS_A_CALL * self.calls or seconds < WINDOW_SECONDS:
            return
        if not self._is_fixed:
            self._learn(self._answers / seconds)
        self._begin_window()

    def tell_refusal(self) -> None:
        """Take note that the provider refuses for now; of those at a time, one counts."""
        now = self._clock()
        if self._is_fixed or now - self._fell_at < WINDOW_SECONDS:
            return
        self._fell_at = now
        self.calls = max(LOWEST, int(self.calls * DECREASE))
        self._before, self._goes_up, self._rest = None, True, LONGEST_REST
        self._step_up = STEP
        self._begin_window()

    def _begin_window(self) -> None:
        self._began_at = self._clock()
        self._answers = 0
        self._is_reached = True

    def _learn(self, rate: float) -> None:
        """Judge the step that was tried, and try the next one."""
        before = self._before
        if before is None and self._rest:
            self._rest -= 1
        elif self._is_reached and (before is None or self._is_worth_it(*before, rate)):
            self._step(rate)
        elif before is not None:
            self.calls, self._before = before[0], None
            if self._is_reached:
                self._step_up = STEP if self._goes_up else self._step_up
                self._goes_up = not self._goes_up
                self._failed_steps += 1
                self._rest = min(2 ** (self._failed_steps // 2) - 1, LONGEST_REST)

    def _is_worth_it(self, calls: int, rate_before: float, rate: float) -> bool:
        share = SHARE_UP if self._goes_up else SHARE_DOWN
        return rate >= rate_before * (1 + (self.calls / calls - 1) * share)

    def _step(self, rate: float) -> None:
        wanted = self.calls * self._step_up if self._goes_up else self.calls / STEP
        calls = min(max(round(wanted), LOWEST), HIGHEST)
        if calls == self.calls:
            self._before, self._goes_up = None, not self._goes_up
            return
        if self._before is not None:
            self._failed_steps = 0
            self._step_up = self._step_up if self._goes_up else STEP
        self._before, self.calls = (self.calls, rate), calls
