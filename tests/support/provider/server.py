"""A stand-in provider that speaks any shape: `{url}/{name}/v1` is the base URL of one by name."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote

from support.http_server import JsonHandler, serving
from support.provider.answers import ANSWERS
from support.provider.failures import FAILURES, REFUSALS
from support.provider.outcomes import OUTCOMES
from support.provider.wire import Shape

SHAPES: Mapping[str, Shape] = ANSWERS | OUTCOMES | REFUSALS | FAILURES


class StandInProvider:
    """Answers every request under the name of a shape in that shape, and keeps the requests."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: dict[str, list[dict[str, Any]]] = {}

    def base_url(self, name: str) -> str:
        """Return the LLM_BASE_URL of a shape."""
        assert name in SHAPES
        return f"{self.url}/{quote(name, safe='')}/v1"


@contextmanager
def serving_provider() -> Iterator[StandInProvider]:
    """Serve the stand-in provider on a free port."""
    provider = StandInProvider()

    class Handler(JsonHandler):
        def do_POST(self) -> None:
            body = json.loads(self.body())
            name = unquote(self.path.split("/")[1])
            bodies = provider.bodies.setdefault(name, [])
            bodies.append(body)
            replies = SHAPES[name].replies
            reply = replies[min(len(bodies), len(replies)) - 1]
            reply = reply(body) if callable(reply) else reply
            self.send_response(reply.status)
            for header, text in reply.headers.items():
                self.send_header(header, text)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

    with serving(Handler) as url:
        provider.url = url
        yield provider
