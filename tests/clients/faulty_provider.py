"""A stand-in provider whose fault the user's message names: `fault: dies in the middle`."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.http_server import JsonHandler, serving

WORDS = ["All ", "is ", "well."]
STREAM_HEAD = {"Content-Type": "text/event-stream", "Connection": "close"}
PATIENCE_SECONDS = 20


def _message(**more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": "".join(WORDS), **more}


def _completion(*choices: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "provider-1",
        "object": "chat.completion",
        "created": 1,
        "model": "real-model-7",
        "choices": [{"index": n, **choice} for n, choice in enumerate(choices)],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
    }


WHOLE: dict[str, dict[str, Any]] = {
    "none": _completion({"message": _message(), "finish_reason": "stop"}),
    "withholds": _completion(
        {"message": _message(content=None), "finish_reason": "content_filter"}
    ),
    "is cut": _completion({"message": _message(content="All"), "finish_reason": "length"}),
    "refuses": _completion(
        {"message": _message(content=None, refusal="I won't."), "finish_reason": "stop"}
    ),
    "two choices": _completion(
        {"message": _message(), "finish_reason": "stop"},
        {"message": _message(content="Other."), "finish_reason": "stop"},
    ),
    "reasons": _completion({"message": _message(reasoning_content="Hm."), "finish_reason": "stop"}),
    "an error in a 200": {"error": {"message": "overloaded", "type": "server_error"}},
}
FAILURES: dict[str, tuple[int, dict[str, str], str]] = {
    "limits the rate": (429, {"Retry-After": "30"}, "slow down"),
    "knows no such key": (401, {}, "Incorrect API key provided: sk-secret-9"),
    "is broken": (500, {}, "boom"),
    "takes no such schema": (400, {}, "Invalid schema for function 'find': sk-secret-9"),
}


class FaultyProvider:
    """What the provider was asked, and whether somebody hung up on it."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[dict[str, Any]] = []
        self.hung_up = threading.Event()


class _Handler(JsonHandler):
    provider: FaultyProvider

    def do_POST(self) -> None:
        body = json.loads(self.body())
        self.provider.bodies.append(body)
        fault = str(body["messages"][-1]["content"]).partition("fault: ")[2] or "none"
        if fault == "dies before":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault in FAILURES:
            self._fail(*FAILURES[fault])
        elif body.get("stream"):
            self._stream(fault)
        else:
            self.answer(200, json.dumps(WHOLE.get(fault, WHOLE["none"])).encode())

    def _fail(self, status: int, headers: dict[str, str], message: str) -> None:
        content = json.dumps({"error": {"message": message, "type": "t", "code": None}})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())

    def _stream(self, fault: str) -> None:
        self.send_response(200)
        for name, value in STREAM_HEAD.items():
            self.send_header(name, value)
        self.end_headers()
        self._send({"role": "assistant", "content": ""})
        for word in WORDS:
            self._send({"content": word})
        if fault == "dies in the middle":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if fault == "never ends":
            self._send_until_hung_up()
            return
        self._send({}, finish_reason="stop")
        usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
        self._write({"choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _send_until_hung_up(self) -> None:
        self.connection.settimeout(PATIENCE_SECONDS)
        try:
            while self.connection.recv(1):
                pass
        except OSError:
            pass
        self.provider.hung_up.set()

    def _send(self, delta: dict[str, Any], finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        self._write({"choices": [choice]})

    def _write(self, more: dict[str, Any]) -> None:
        chunk = {"id": "p", "object": "chat.completion.chunk", "model": "real-model-7", **more}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()


@contextmanager
def serving_faults() -> Iterator[FaultyProvider]:
    """Serve the provider on a free port."""
    provider = FaultyProvider()
    with serving(type("Handler", (_Handler,), {"provider": provider})) as url:
        provider.url = url
        yield provider
