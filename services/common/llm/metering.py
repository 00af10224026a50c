"""Counts what is asked of models: calls, attempts that failed included, and tokens."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class Spending:
    """What calls of models came to; tokens are counted where the provider tells them."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, other: "Spending") -> None:
        """Add what was spent elsewhere."""
        self.calls += other.calls
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.input_tokens + self.output_tokens


_METER: ContextVar[Spending | None] = ContextVar("meter", default=None)


@contextmanager
def metering() -> Iterator[Spending]:
    """Count every call of a model that is made within, in the tasks that begin there too."""
    spending = Spending()
    token = _METER.set(spending)
    try:
        yield spending
    finally:
        _METER.reset(token)


def note_spending(spent: Spending) -> None:
    """Count a call, or its tokens, for whoever counts here."""
    if (meter := _METER.get()) is not None:
        meter.add(spent)
