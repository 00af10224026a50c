"""Counts what is asked of models: calls, attempts that failed included, and tokens."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from typing import Final

from services.common.errors import ServiceError
from services.common.errors.model import (
    ModelQuotaSpentError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelUnavailableError,
)

# What was spent on a request that failed, as services tell it one another.
SPENT_HEADER: Final = "x-selfheal-spent"
# Providers write no bill for what they refuse, or can't do.
UNBILLED: Final = (
    ModelQuotaSpentError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelUnavailableError,
)


@dataclass(slots=True)
class Spending:
    """What calls of models came to; tokens are counted where the provider tells them.

    Attributes:
        cached_tokens: Those of the input that the provider had kept.
        untold_calls: Calls that may cost something, and whose tokens weren't told.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    untold_calls: int = 0

    @classmethod
    def of_call(cls, read: int, written: int, cached: int = 0) -> "Spending":
        """Return what one call came to; without any tokens they weren't told."""
        untold = 0 if read or written else 1
        return cls(1, read, written, min(cached, read), untold)

    def add(self, other: "Spending") -> None:
        """Add what was spent elsewhere."""
        self.calls += other.calls
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.cached_tokens += other.cached_tokens
        self.untold_calls += other.untold_calls

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


@contextmanager
def noting_call() -> Iterator[None]:
    """Count a call whose tokens aren't told yet; one that fails unbilled has none."""
    note_spending(Spending(calls=1, untold_calls=1))
    try:
        yield
    except UNBILLED:
        note_spending(Spending(untold_calls=-1))
        raise


def note_tokens(told: Spending) -> None:
    """Count what is told of a call that was noted."""
    note_spending(replace(told, calls=0, untold_calls=told.untold_calls - 1))


@contextmanager
def telling_spending(model: str) -> Iterator[Spending]:
    """Count the calls within, and tell of them in an error that ends it.

    Args:
        model: Which one is asked, as `provider:model`.
    """
    with metering() as spent:
        try:
            yield spent
        except ServiceError as error:
            if spent.calls:
                error.headers[SPENT_HEADER] = json.dumps({"model": model, **asdict(spent)})
            raise


def read_spending(told: Mapping[str, str]) -> tuple[str, Spending] | None:
    """Read from a failure's headers what was spent, on which model; None if it says nothing."""
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        said = json.loads(told[SPENT_HEADER])
        return str(said.pop("model")), Spending(**said)
    return None
