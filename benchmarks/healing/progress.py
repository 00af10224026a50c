"""Tells how far a benchmark is: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import Progress, TaskID

SECONDS_BETWEEN_LINES: Final = 15.0


class Teller:
    """Tells on a console what is being done.

    Args:
        console: Where.
        bar: The bar; None where the console is no terminal.
    """

    def __init__(self, console: Console, bar: Progress | None) -> None:
        self._console = console
        self._bar = bar
        self._task: TaskID | None = bar.add_task("", total=None) if bar else None
        self._said_at = float("-inf")
        self._total = self._done = 0

    def begin(self, what: str, *, total: int) -> None:
        """Begin a stretch of so many runs."""
        self._total, self._done = total, 0
        self.tell(what)

    def tell(self, what: str, *, may_be_left_out: bool = False) -> None:
        """Say what is being done now; off a terminal not all of it, where that is too much."""
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task, description=what, total=self._total or None, completed=self._done
            )
        elif not may_be_left_out or time.monotonic() - self._said_at >= SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            count = f"{self._done} of {self._total}: " if self._total else ""
            self._console.print(f"{count}{what}", markup=False, highlight=False)

    def advance(self, what: str) -> None:
        """Say that one more run is done."""
        self._done += 1
        self.tell(what, may_be_left_out=True)


@contextmanager
def open_teller(console: Console) -> Iterator[Teller]:
    """Open a teller that leaves nothing behind on a terminal."""
    if not console.is_terminal:
        yield Teller(console, None)
        return
    with Progress(console=console, transient=True) as bar:
        yield Teller(console, bar)
