"""Ports for servers that are started a moment later."""

from collections.abc import Iterator
from itertools import islice
from secrets import randbelow
from typing import Final

from selfheal.runtime.ports import is_free

# Below those that Linux gives to whoever asks for any (ip_local_port_range).
_PORTS: Final = range(20_000, 32_768)


def _walk() -> Iterator[int]:
    """Go round from a random place, as others do that run beside this process."""
    start = randbelow(len(_PORTS))
    while True:
        yield from (port for port in (*_PORTS[start:], *_PORTS[:start]) if is_free(port))


_FREE: Final = _walk()


def take_port() -> int:
    """Take a port that is free now, and that nobody is given by chance before it is used."""
    return next(_FREE)


def take_ports(count: int) -> list[int]:
    """Take so many, each another one."""
    return list(islice(_FREE, count))
