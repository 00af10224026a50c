"""Whose address a sign-in is counted for, where a proxy is named by its host."""

import socket
from typing import Any

from services.common.config import ManagerSettings
from services.common.database import Database
from services.manager.app.access.sessions import Sessions
from services.manager.app.access.sign_in import SignIns

CONSOLE = "172.18.0.5"


def resolve(name: str, *_: Any, **__: Any) -> list[Any]:
    """Stand in for the resolver of Compose."""
    if name != "console":
        raise socket.gaierror
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (CONSOLE, 0))]


async def find_address(monkeypatch: Any, peer: str, trusted: str) -> str:
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    settings = ManagerSettings(_env_file=None, trusted_proxies=trusted)  # type: ignore[call-arg]
    database = Database("postgresql://x@localhost/x", timeout_seconds=1)
    scope = {"client": (peer, 1), "headers": [(b"x-forwarded-for", b"203.0.113.9")]}
    return await SignIns(settings, database, Sessions(database, settings))._find_address(scope)


async def test_a_console_is_believed_by_its_name_and_others_are_not(monkeypatch: Any) -> None:
    for peer, trusted, expected in [
        (CONSOLE, "console,", "203.0.113.9"),
        (CONSOLE, "10.0.0.0/8, nowhere , console", "203.0.113.9"),
        ("10.1.2.3", "10.0.0.0/8", "203.0.113.9"),
        ("127.0.0.1", "", "203.0.113.9"),
        ("172.18.0.6", "console", "172.18.0.6"),
        (CONSOLE, "", CONSOLE),
        (CONSOLE, "nowhere", CONSOLE),
    ]:
        assert await find_address(monkeypatch, peer, trusted) == expected, (peer, trusted)
