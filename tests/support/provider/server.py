"""A stand-in provider that speaks any shape: `{url}/{name}/v1` is the base URL of one by name."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote

from support.http_server import JsonHandler, serving
from support.provider.answers import ANSWERS
from support.provider.exchanges import EXCHANGES, Exchange
from support.provider.failures import FAILURES, REFUSALS
from support.provider.outcomes import OUTCOMES
from support.provider.wire import Sent, Shape

SHAPES: Mapping[str, Shape] = ANSWERS | OUTCOMES | REFUSALS | FAILURES


class StandInProvider:
    """Answers every request under the name of a shape in that shape, and keeps the requests."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: dict[str, list[dict[str, Any]]] = {}

    def base_url(self, name: str) -> str:
        """Return the LLM_BASE_URL of a shape."""
        assert name in SHAPES or name in EXCHANGES
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
            shape: Shape | Exchange = EXCHANGES[name] if name in EXCHANGES else SHAPES[name]
            replies = shape.replies
            reply = replies[min(len(bodies), len(replies)) - 1]
            reply = reply(body) if callable(reply) else reply
            if not reply.status:
                return
            if reply.pieces:
                self.protocol_version = "HTTP/1.1"
                self.close_connection = True
            self.send_response(reply.status)
            for header, text in reply.headers.items():
                self.send_header(header, text)
            if reply.pieces:
                self.send_pieces(reply)
                return
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def send_pieces(self, reply: Sent) -> None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in [*reply.pieces, *([] if reply.dies else [b""])]:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()

    with serving(Handler) as url:
        provider.url = url
        yield provider
