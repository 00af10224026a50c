"""A stand-in provider that answers with code, and has faults."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiohttp import web
from support.fault_proxy import LOOPBACK

MODEL = "stand-in-coder"
ANSWER = """```python
def sort_list(items: list[int]) -> list[int]:
    \"\"\"Return a new list with the items in ascending order.\"\"\"
    return sorted(items)
```"""
PIECES = [ANSWER[start : start + 20] for start in range(0, len(ANSWER), 20)]
PAUSE_SECONDS = 0.02
SLOT_SECONDS = 0.2
USAGE = {"prompt_tokens": 20, "completion_tokens": 40, "total_tokens": 60}
FAULTS = ("errors", "hangs", "limits", "resets", "trickles", "malformed", "cuts")


class Provider:
    """Serves chat completions, whole and as streams.

    Attributes:
        fault: What is wrong with it now, one of FAULTS; empty where nothing is.
        slots: How many it answers at a time, where it has a bound; the rest wait.
    """

    def __init__(self) -> None:
        self.fault = ""
        self.pause_seconds = PAUSE_SECONDS
        self.slots: asyncio.Semaphore | None = None
        self._streaming = 0
        self._streams_changed = asyncio.Condition()
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._over = asyncio.Event()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Provider"]:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, 0).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    @contextmanager
    def having(self, fault: str) -> Iterator[None]:
        """Have a fault; answers that hang go on when it is over."""
        assert fault in FAULTS
        self.fault, self._over = fault, asyncio.Event()
        try:
            yield
        finally:
            self.fault = ""
            self._over.set()

    async def until_streaming(self, count: int) -> None:
        """Wait until so many streams are open."""
        async with self._streams_changed:
            await self._streams_changed.wait_for(lambda: self._streaming >= count)

    async def _count_stream(self, step: int) -> None:
        async with self._streams_changed:
            self._streaming += step
            self._streams_changed.notify_all()

    @contextmanager
    def bounded(self, slots: int) -> Iterator[None]:
        """Answer so many at a time, each in SLOT_SECONDS and a bit."""
        self.slots = asyncio.Semaphore(slots)
        try:
            yield
        finally:
            self.slots = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if (slots := self.slots) is None:
            return await self._answer_at_once(request)
        async with slots:
            await asyncio.sleep(SLOT_SECONDS)
            return await self._answer_at_once(request)

    async def _answer_at_once(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        fault = self.fault
        if fault == "errors":
            return _refuse(500, "server_error")
        if fault == "limits":
            return _refuse(429, "rate_limit_error", {"Retry-After": "2"})
        if fault == "hangs":
            await self._over.wait()
        if fault == "resets":
            assert request.transport is not None
            request.transport.abort()
        if body.get("stream"):
            return await self._stream(request, fault)
        return await self._whole(request, fault)

    async def _whole(self, request: web.Request, fault: str) -> web.StreamResponse:
        content = json.dumps(_completion()).encode()
        if fault == "malformed":
            content = content[: len(content) // 2]
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(content)
        await response.prepare(request)
        if fault == "cuts":
            await response.write(content[: len(content) // 2])
            _hang_up(request)
            return response
        step = 20 if fault == "trickles" else len(content)
        for start in range(0, len(content), step):
            if step < len(content):
                await asyncio.sleep(0.1)
            await response.write(content[start : start + step])
        return response

    async def _stream(self, request: web.Request, fault: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await self._count_stream(1)
        try:
            pause_seconds = 0.3 if fault == "trickles" else self.pause_seconds
            for number, piece in enumerate(PIECES):
                await asyncio.sleep(pause_seconds)
                if fault == "malformed" and number == 2:
                    await response.write(b'data: {"choices": [{"delta"\n\n')
                    return response
                if fault == "cuts" and number == 2:
                    _hang_up(request)
                    return response
                await response.write(_event({"content": piece}))
            await response.write(_event({}, finish_reason="stop"))
            usage = json.dumps(_chunk(choices=[], usage=USAGE)).encode()
            await response.write(b"data: %b\n\ndata: [DONE]\n\n" % usage)
        except ConnectionError:
            pass  # who asked is gone
        finally:
            await self._count_stream(-1)
        return response


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


def _refuse(status: int, kind: str, headers: dict[str, str] | None = None) -> web.Response:
    error = {"error": {"message": "Not now.", "type": kind, "code": None}}
    return web.json_response(error, status=status, headers=headers)


def _chunk(**more: Any) -> dict[str, Any]:
    return {"id": "p", "object": "chat.completion.chunk", "created": 1, "model": MODEL, **more}


def _event(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return f"data: {json.dumps(_chunk(choices=[choice]))}\n\n".encode()


def _completion() -> dict[str, Any]:
    message = {"role": "assistant", "content": ANSWER}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "p",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [choice],
        "usage": USAGE,
    }
