"""The time that a request may take: told from service to service, and kept by each as its own.

It travels as the moment at which it ends (`x-selfheal-deadline`, Unix time in milliseconds), and
as what remained of it when it was sent (`x-selfheal-remaining-ms`), which needs no clocks that
agree. Here it is a moment of the event loop's clock, which no change of the wall clock moves.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from services.common.errors import DeadlinePassedError

HEADER: Final = "x-selfheal-deadline"
REMAINING_HEADER: Final = "x-selfheal-remaining-ms"
# Two hosts whose clocks differ by more don't agree, and a moment that passed longer ago is one of
# another clock: nobody waits so long for an answer after its deadline.
SKEW_SECONDS: Final = 2.0
LATE_SECONDS: Final = 60.0
# What is kept for an answer's way back, of a time that somebody else counts too.
WAY_BACK_SHARE: Final = 0.1
MAX_WAY_BACK_SECONDS: Final = 1.0
# Milliseconds of the Unix time have 13 digits for the next centuries.
MAX_DIGITS: Final = 15

Headers = Iterable[tuple[bytes, bytes]]

_ends_at: ContextVar[float | None] = ContextVar("deadline", default=None)


def remaining_seconds() -> float | None:
    """Return how much time remains, at least 0; None where nothing sets a deadline."""
    ends_at = _ends_at.get()
    return None if ends_at is None else max(0.0, ends_at - asyncio.get_running_loop().time())


def fit(seconds: float) -> float:
    """Shorten a time to what remains."""
    remaining = remaining_seconds()
    return seconds if remaining is None else min(seconds, remaining)


def fits(seconds: float) -> bool:
    """Tell whether there is time for what takes so long."""
    remaining = remaining_seconds()
    return remaining is None or seconds < remaining


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Set a deadline for what is done in here, unless there is an earlier one."""
    token = _ends_at.set(asyncio.get_running_loop().time() + fit(seconds))
    try:
        yield
    finally:
        _ends_at.reset(token)


@contextmanager
def serving(headers: Headers, bound_seconds: float | None) -> Iterator[None]:
    """Serve a request by its deadline: the earlier of what its headers tell and the own bound.

    Args:
        headers: Those of the request, as ASGI has them.
        bound_seconds: Most seconds that it may take; None for what has no deadline.

    Raises:
        DeadlinePassedError: If the time was up before it arrived.
    """
    if bound_seconds is None:
        yield
        return
    told = read_seconds(dict(headers), time.time())
    if told is not None and told <= 0:
        raise DeadlinePassedError
    if told is not None:
        bound_seconds = min(bound_seconds, told - min(MAX_WAY_BACK_SECONDS, told * WAY_BACK_SHARE))
    with within(bound_seconds):
        yield


def read_seconds(headers: Mapping[bytes, bytes], now: float) -> float | None:
    """Read how many seconds a caller still waits; None where it doesn't say, or can't mean it.

    Where moment and remaining time agree, the moment counts: it knows how long the way was. Where
    they don't, the clocks differ, and the remaining time counts.

    Args:
        headers: Names in small letters.
        now: The Unix time here.
    """
    moment = _read_number(headers.get(HEADER.encode()))
    left = _read_number(headers.get(REMAINING_HEADER.encode()))
    seconds = None if moment is None else moment / 1000 - now
    if left is not None and (seconds is None or abs(seconds - left / 1000) > SKEW_SECONDS):
        return left / 1000
    return None if seconds is None or seconds < -LATE_SECONDS else seconds


def write_headers(seconds: float) -> dict[str, str]:
    """Tell whoever is called how long its caller waits."""
    return {
        HEADER: str(round((time.time() + seconds) * 1000)),
        REMAINING_HEADER: str(round(seconds * 1000)),
    }


def _read_number(text: bytes | None) -> int | None:
    return int(text) if text and text.isdigit() and len(text) <= MAX_DIGITS else None
