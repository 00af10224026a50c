"""Faults that the simulated endpoint can be told to show."""

import random
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """A way for an endpoint to fail."""

    RATE_LIMIT = "rate_limit"
    SERVER_ERROR = "server_error"
    HANG = "hang"
    RESET = "reset"
    MALFORMED = "malformed"
    EMPTY = "empty"


@dataclass(slots=True)
class FaultPlan:
    """Which request is to meet which fault.

    Attributes:
        fault: What requests meet by default; None for nothing.
        rate: Share of the requests that meet it, in [0, 1].
        generator: Decides which ones.
    """

    fault: Fault | None = None
    rate: float = 1.0
    generator: random.Random = field(default_factory=lambda: random.Random(0))
    _scheduled: Fault | None = field(default=None, init=False)
    _remaining: int = field(default=0, init=False)

    @property
    def remaining(self) -> int:
        """How many of the next requests meet the scheduled fault."""
        return self._remaining

    def schedule(self, fault: Fault, count: int) -> None:
        """Let the next `count` requests meet `fault`, in place of what was scheduled before."""
        self._scheduled, self._remaining = fault, count

    def next_fault(self, requested: str | None) -> Fault | None:
        """The fault of this request: the one it asks for, else a scheduled one, else by chance.

        Args:
            requested: What the request itself asks for; an unknown kind counts as none.
        """
        if requested is not None and requested in Fault.__members__.values():
            return Fault(requested)
        if self._remaining > 0:
            self._remaining -= 1
            return self._scheduled
        if self.fault is not None and self.generator.random() < self.rate:
            return self.fault
        return None
