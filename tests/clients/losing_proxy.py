"""A way to the door on which answers get lost: the client hears nothing, and tries again."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from support.http_server import JsonHandler, serving

PASSED_ON = ("Content-Type", "Authorization", "Idempotency-Key")
PATIENCE_SECONDS = 60


class LosingProxy:
    """What came by: the key of each try, empty where there was none; and how many get lost."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: list[str] = []
        self.loses = 1


class _Handler(JsonHandler):
    proxy: LosingProxy
    target: str

    def do_POST(self) -> None:
        self.proxy.keys.append(self.headers.get("Idempotency-Key", ""))
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        request = urllib.request.Request(self.target + self.path, self.body(), headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
            content = response.read()
            if len(self.proxy.keys) > self.proxy.loses:
                self.answer(200, content, response.headers["Content-Type"])
        self.close_connection = True


@contextmanager
def losing_answers(target: str) -> Iterator[LosingProxy]:
    """Serve a proxy that loses the first answer on its way back."""
    proxy = LosingProxy()
    with serving(type("Handler", (_Handler,), {"proxy": proxy, "target": target})) as url:
        proxy.url = url
        yield proxy
