"""Ctrl-C, SIGTERM and SIGHUP as a request to stop, so that none of them cuts a step in half."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Notes the first signal instead of ending at once, while the context is open.

    What runs inside asks `requested` between its steps. Only within `raising()` a signal becomes
    a `KeyboardInterrupt`. Must be opened in the main thread.
    """

    def __init__(self) -> None:
        self._requested = False
        self._raising = False
        self._previous: dict[int, object] = {}

    def requested(self) -> bool:
        """Tell whether a signal asked us to stop."""
        return self._requested

    def __enter__(self) -> Self:
        for number in SIGNALS:
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Let a signal end what runs in this block with a `KeyboardInterrupt`."""
        self._raising = True
        try:
            if self.requested():
                raise KeyboardInterrupt
            yield
        finally:
            self._raising = False

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._requested = True
        if self._raising:
            self._raising = False
            raise KeyboardInterrupt
