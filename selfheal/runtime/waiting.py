"""Waiting that can be interrupted: every wait of the runtime goes through `wait_until`."""

import time
from collections.abc import Callable

from selfheal.runtime.errors import InterruptedStartError

POLL_SECONDS = 0.05

Progress = Callable[[str], None]
Interrupted = Callable[[], bool]


def never() -> bool:
    """Return False: nothing asks for an end of the waiting."""
    return False


def silent(_message: str) -> None:
    """Take a progress message, and don't show it."""


def wait_until(
    condition: Callable[[], bool],
    *,
    timeout_seconds: float,
    interrupted: Interrupted = never,
) -> bool:
    """Poll `condition`, at least once, until it holds or the time is over; tell whether it held.

    Raises:
        InterruptedStartError: If `interrupted`, which is asked before each poll, said so.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        if interrupted():
            raise InterruptedStartError
        if condition():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
