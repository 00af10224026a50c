"""One command at a time starts or stops the system: a file lock that dies with its holder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selfheal.runtime.errors import BusyError
from selfheal.runtime.waiting import Interrupted, Progress, never, silent, wait_until

LOCK_TIMEOUT_SECONDS = 120.0


@contextmanager
def exclusive(
    path: Path,
    *,
    timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
    interrupted: Interrupted = never,
    progress: Progress = silent,
) -> Iterator[None]:
    """Hold the lock of a file, which stays there, while the block runs; its directory must exist.

    Raises:
        BusyError: If the lock wasn't free in time.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def acquire() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        if not acquire():
            progress("waiting for another selfheal command to finish")
            if not wait_until(acquire, timeout_seconds=timeout_seconds, interrupted=interrupted):
                raise BusyError(seconds=timeout_seconds)
        yield
    finally:
        os.close(descriptor)  # gives the lock back
