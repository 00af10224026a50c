"""Lets sleeping cost no time: Python's clocks move on by what was slept."""

import time
from collections.abc import Callable
from functools import partial

_NANOSECONDS = 1_000_000_000
_sleep = time.sleep


class Clock:
    """Stands in for the clocks of `time`.

    Attributes:
        is_real: Whether sleeping takes its time after all, since a program also reads a clock that
            doesn't move: `datetime.now` is written in C.
    """

    def __init__(self) -> None:
        self.is_real = False
        self._slept = 0.0

    def install(self) -> None:
        """Take the place of the clocks; modules that are imported later see no others."""
        for name in ("time", "monotonic", "perf_counter"):
            setattr(time, name, partial(self._seconds, getattr(time, name)))
            setattr(time, f"{name}_ns", partial(self._nanoseconds, getattr(time, f"{name}_ns")))
        time.sleep = self.sleep  # type: ignore[assignment]

    def sleep(self, seconds: float, /) -> None:
        """Let the time pass.

        Raises:
            TypeError: If that is no number.
            ValueError: If it is negative.
        """
        _sleep(seconds if self.is_real else min(seconds, 0))
        if not self.is_real:
            self._slept += float(seconds)

    def _seconds(self, clock: Callable[[], float]) -> float:
        return clock() + self._slept

    def _nanoseconds(self, clock: Callable[[], int]) -> int:
        return clock() + int(self._slept * _NANOSECONDS)


CLOCK = Clock()
