"""A circuit breaker (Nygard, *Release It!*): it says at once what waiting would only say later."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

PROBE_SECONDS: Final = 1.0


class OpenBreakerError(Exception):
    """The breaker is open: nothing was tried."""


class Breaker:
    """Keeps calls from what is known to fail; while open it lets one probe through each second.

    One event loop uses it; it is told of every outcome, of those that were let through as well.

    Args:
        name: Which part it is for, as metrics and logs give it.
        failures: So many failures in a row open it.
        probe_seconds: Time between two probes, from the beginning of the one before.
        clock: Gives seconds that only grow.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = 3,
        probe_seconds: float = PROBE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._failures = failures
        self._probe_seconds = probe_seconds
        self._clock = clock
        self._failed = 0
        self._probed_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it is known to fail; a probe may still be let through."""
        return self._failed >= self._failures

    def admits(self) -> bool:
        """Tell whether a call may be tried now; while open, a yes is this second's only one."""
        if not self.is_open:
            return True
        now = self._clock()
        if now - self._probed_at < self._probe_seconds:
            return False
        self._probed_at = now
        return True

    def tell_success(self) -> None:
        """Close it."""
        self._failed = 0

    def tell_failure(self) -> None:
        """Count a failure of the part itself, and not of what was asked of it."""
        self._failed += 1
        if self._failed == self._failures:
            self._probed_at = self._clock()

    @contextmanager
    def guarding(self, *failures: type[Exception]) -> Iterator[None]:
        """Try a call: these exceptions are failures of the part, others say that it is there.

        What is cancelled says nothing.

        Raises:
            OpenBreakerError: If nothing may be tried now.
        """
        if not self.admits():
            raise OpenBreakerError(self.name)
        try:
            yield
        except failures:
            self.tell_failure()
            raise
        except Exception:
            self.tell_success()
            raise
        self.tell_success()
