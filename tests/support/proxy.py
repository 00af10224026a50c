"""A proxy that notes what it is asked for, and the environment that names it."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.http_server import JsonHandler, serving

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@contextmanager
def recording_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Name a proxy for everything, with no exception; gives the URLs that it is asked for."""
    asked: list[str] = []

    class Proxy(JsonHandler):
        def do_POST(self) -> None:
            self.body()
            self.do_GET()

        def do_GET(self) -> None:
            asked.append(self.path)
            self.answer(200, b"{}")

    # The opener of `urlopen` reads the variables once in a process.
    monkeypatch.setattr(urllib.request, "_opener", None)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(Proxy) as url:
        for name in VARIABLES:
            monkeypatch.setenv(name, url)
        yield asked
