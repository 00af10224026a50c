"""A Worker at the door, as the Manager sees it: streams, answers whole, fails and hangs as told."""

import asyncio
import json
from typing import Any

from aiohttp import web

HEADERS = {
    "x-selfheal-prompt-id": "1",
    "x-selfheal-prompt-version": "1",
    "x-selfheal-prompt-digest": "d" * 64,
    "x-selfheal-provider": "openai",
}
USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 5,
    "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def completion(content: str | None = "Hello there.", **message: Any) -> dict[str, Any]:
    """A whole answer, as the provider said it."""
    return {
        "id": "chatcmpl-provider",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-x-2026",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, **message},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
        "system_fingerprint": "fp_1",
    }


def chunk(
    delta: dict[str, Any], finish_reason: str | None = None, *, index: int = 0
) -> dict[str, Any]:
    """A chunk of a stream with one choice."""
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**_chunk(), "choices": [choice]}


def usage_chunk() -> dict[str, Any]:
    """The chunk that ends every stream of the Worker's."""
    return {**_chunk(), "choices": [], "usage": USAGE}


def _chunk() -> dict[str, Any]:
    return {
        "id": "chatcmpl-provider",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "gpt-x-2026",
    }


HELLO = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Hello "}),
    chunk({"content": "there."}),
    chunk({}, "stop"),
    usage_chunk(),
]


class StubWorker:
    """Answers `POST /api/v1/chat`.

    Attributes:
        headers: What goes with every answer.
        events: What a stream holds; it waits at an `asyncio.Event` until that is set.
        failure: Status, body and headers of what is answered instead.
        breaks_off: Whether a stream ends without `[DONE]`.
        tasks: What it was asked.
        headers: What comes with an answer.
        was_left: Set where the caller hangs up.
    """

    def __init__(self) -> None:
        self.completion: dict[str, Any] = completion()
        self.headers = dict(HEADERS)
        self.events: list[dict[str, Any] | asyncio.Event] = [*HELLO]
        self.failure: tuple[int, dict[str, Any], dict[str, str]] | None = None
        self.breaks_off = False
        self.headers = dict(HEADERS)
        self.tasks: list[dict[str, Any]] = []
        self.was_asked = asyncio.Event()
        self.was_left = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    def fail(self, status: int, code: str, message: str = "No.", **headers: str) -> None:
        """Answer with an error as every service does."""
        body = {"code": code, "message": message, "request_id": "1"}
        self.failure = status, body, {name.replace("_", "-"): it for name, it in headers.items()}

    def app(self) -> web.Application:
        """The application, as aiohttp's `TestServer` serves it."""
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/api/v1/chat", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        task = await request.json()
        self.tasks.append(task)
        self.was_asked.set()
        try:
            await self.goes_on.wait()
            if self.failure:
                status, body, headers = self.failure
                return web.json_response(body, status=status, headers=headers)
            if task["request"].get("stream"):
                return await self._stream(request)
            return web.json_response(self.completion, headers=self.headers)
        except (asyncio.CancelledError, ConnectionError):
            self.was_left.set()
            raise

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={**self.headers, "content-type": "text/event-stream"})
        await response.prepare(request)
        for event in self.events:
            if isinstance(event, asyncio.Event):
                await event.wait()
            else:
                await response.write(f"data: {json.dumps(event)}\n\n".encode())
        if not self.breaks_off:
            await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response
