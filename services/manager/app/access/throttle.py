"""Bounds how often who signs in may fail, so that nobody guesses, and nobody locks another out."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network
from math import ceil
from typing import Final

from services.common.access.networks import read_address
from services.common.errors import TooManyAttemptsError

WINDOW_SECONDS: Final = 900.0
MOST_BY_ADDRESS: Final = 30
MOST_BY_ADDRESS_AND_NAME: Final = 5
# Whoever has this many addresses isn't stopped by counting.
MOST_ENTRIES: Final = 50_000

Key = tuple[str, str]


@dataclass(slots=True)
class _Attempts:
    count: int
    ends_at: float


class Throttle:
    """Counts attempts by the caller's address, and by address and name; never by the name alone.

    A process counts for itself, and forgets when it ends.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._attempts: dict[Key, _Attempts] = {}

    def take(self, address: str, name: str = "") -> None:
        """Count an attempt, before it is known how it ends: others may be on their way.

        Raises:
            TooManyAttemptsError: If there were too many from this address, or for this name.
        """
        place = _fold_address(address)
        limits = {(place, ""): MOST_BY_ADDRESS}
        if name:
            limits[place, name.lower()] = MOST_BY_ADDRESS_AND_NAME
        now = self._now()
        for key, most in limits.items():
            attempts = self._attempts.get(key)
            if attempts and attempts.ends_at > now and attempts.count >= most:
                raise TooManyAttemptsError(wait_seconds=ceil(attempts.ends_at - now))
        for key in limits:
            self._count(key, now)

    def give_back(self, address: str, name: str) -> None:
        """Forget an attempt that succeeded, and those for this name before it."""
        place = _fold_address(address)
        self._attempts.pop((place, name.lower()), None)
        if attempts := self._attempts.get((place, "")):
            attempts.count -= 1

    def _count(self, key: Key, now: float) -> None:
        attempts = self._attempts.get(key)
        if attempts and attempts.ends_at > now:
            attempts.count += 1
            return
        self._attempts.pop(key, None)
        while len(self._attempts) >= MOST_ENTRIES:
            self._attempts.pop(next(iter(self._attempts)))
        self._attempts[key] = _Attempts(1, now + WINDOW_SECONDS)


def _fold_address(text: str) -> str:
    """Name the network that one caller has: of IPv6, 64 bits are anybody's to choose."""
    address = read_address(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), 64), strict=False))
    return str(address or text)
