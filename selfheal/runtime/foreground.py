"""The system in the foreground: it lasts as long as a block of code, or until it is interrupted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from selfheal.runtime.interruption import Interruption
from selfheal.runtime.process_plan import CONSOLE
from selfheal.runtime.system import System, describe_failure
from selfheal.runtime.waiting import Progress, silent

_WATCH_SECONDS: Final = 0.25


class ForegroundWatch:
    """Notices that a part of a system, of which every part ran, has ended."""

    def __init__(self, system: System) -> None:
        # Without the console, on which nothing depends.
        self._parts = [part for part in system.parts() if part.name != CONSOLE]

    def check(self) -> bool:
        """Tell whether everything still runs; False when another command stopped a part.

        Raises:
            ProcessFailedError: If a part ended by itself.
        """
        for part in self._parts:
            if part.is_running():
                continue
            if part.was_asked_to_stop():
                return False
            raise describe_failure(part, "ended unexpectedly")
        return True

    def wait(self) -> None:
        """Block until another command stops the system.

        Raises:
            ProcessFailedError: If a part ended by itself, noticed well within a second.
            KeyboardInterrupt: If a signal asked us to stop.
        """
        while self.check():
            time.sleep(_WATCH_SECONDS)


@contextmanager
def in_foreground(system: System, progress: Progress = silent) -> Iterator[ForegroundWatch]:
    """Run the system while the block runs; stop all of it at the end, whatever ends it.

    Ctrl-C, SIGTERM and SIGHUP raise `KeyboardInterrupt` in the block. While the system is being
    started or stopped they wait for a moment at which nothing is left behind.

    Parts that run already are taken over, and stopped with the rest.

    Raises:
        InterruptedStartError: If a signal came before everything was up.
        EmbeddedRuntimeError: If a part can't be started.
    """
    with Interruption() as interruption:
        try:
            system.up(progress, interruption.requested)
            with interruption.raising():
                yield ForegroundWatch(system)
        finally:
            system.down(progress)
