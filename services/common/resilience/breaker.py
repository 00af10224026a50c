"""A circuit breaker (Nygard, *Release It!*): it says at once what waiting would only say later."""

import time
from collections.abc import Callable
from typing import Final

# Between two probes, from the beginning of the one before.
PROBE_SECONDS: Final = 1.0


class OpenBreakerError(Exception):
    """The breaker is open: nothing was tried."""


class Breaker:
    """Keeps calls from what is known to fail; while open it lets one probe through each second.

    One event loop uses it; it is told of every outcome, of those that were let through as well.

    Args:
        name: Which part it is for, as metrics and logs give it.
        failures: So many failures in a row open it.
        failing_seconds: For so long, too, they must have been all that there was: where many are
            asked at once and some fail, chance alone makes a few in a row.
        clock: Gives seconds that only grow.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = 3,
        failing_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._failures = failures
        self._failing_seconds = failing_seconds
        self._clock = clock
        self._failed = 0
        self._failing_since = 0.0
        self._probed_at = 0.0
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether it is known to fail; a probe may still be let through."""
        return self._is_open

    def admits(self) -> bool:
        """Tell whether a call may be tried now; while open, a yes is this second's only one."""
        if not self.is_open:
            return True
        now = self._clock()
        if now - self._probed_at < PROBE_SECONDS:
            return False
        self._probed_at = now
        return True

    def tell_success(self) -> None:
        """Close it."""
        self._failed = 0
        self._is_open = False

    def tell_failure(self) -> None:
        """Count a failure of the part itself, and not of what was asked of it."""
        now = self._clock()
        if not self._failed:
            self._failing_since = now
        self._failed += 1
        if self._failed >= self._failures and now - self._failing_since >= self._failing_seconds:
            self.open()

    def open(self) -> None:
        """Open it, unless it is open: the part is known to fail without an answer that says so."""
        if not self._is_open:
            self._is_open = True
            self._probed_at = self._clock()
