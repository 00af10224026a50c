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
            for one, unit in ((name, 1.0), (f"{name}_ns", _NANOSECONDS)):
                setattr(time, one, partial(self._read, getattr(time, one), unit))
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

    def _read(self, clock: Callable[[], float], unit: float) -> float:
        # Nanoseconds are whole numbers, seconds aren't.
        return clock() + type(unit)(self._slept * unit)


CLOCK = Clock()
