"""Says whether a provider is asked again, and how long to wait before that."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0
# What a retry costs, where each request puts in one: retries are a tenth of the requests.
REQUESTS_PER_RETRY: Final = 10
# What may be spent before that is earned: the first failures after a quiet time are tried again.
MOST_RETRIES_AHEAD: Final = 10


class RetryBudget:
    """Keeps retries at a tenth of the requests: tried again more often, a failure spreads.

    A token bucket, as in Finagle's `RetryBudget` and gRPC's retry throttling (proposal A6): each
    request puts in one, a retry takes out ten.
    """

    def __init__(self) -> None:
        self._saved = MOST_RETRIES_AHEAD * REQUESTS_PER_RETRY

    def deposit(self) -> None:
        """Count a request."""
        self._saved = min(self._saved + 1, MOST_RETRIES_AHEAD * REQUESTS_PER_RETRY)

    def withdraw(self) -> bool:
        """Tell whether there may be a retry, and count it."""
        if self._saved < REQUESTS_PER_RETRY:
            return False
        self._saved -= REQUESTS_PER_RETRY
        return True


def read_pause_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read how long a server wants us to wait; None where it doesn't say.

    Args:
        headers: Headers of the reply: `retry-after-ms`, else `Retry-After` in seconds or as a date.
        now: The moment from which a date counts; by default the present.
    """
    milliseconds = _read_number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("Retry-After", "")
    seconds = _read_number(text)
    if seconds is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # A date without a zone is in UTC, as HTTP has it; one that is past comes of another clock.
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    return seconds if seconds > 0 else None


def _read_number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return None if math.isnan(number) else max(0.0, number)
