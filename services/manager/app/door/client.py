"""Knows the client of a request: whether it is there, reads, and what it was sent."""

import asyncio
import json
from typing import Any

from starlette.types import Receive, Send

HEARTBEAT = b": still at work\n\n"
# So often the client is looked at; heartbeats come after at most 15 s of silence.
LOOK_SECONDS = 5.0
SILENT_SECONDS = 10.0
# A client that takes nothing for so long is gone, whatever its connection says.
STALLED_SECONDS = 60.0
JSON_TYPE = "application/json"
STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(value: Any) -> bytes:
    """Write JSON; lone surrogates, which UTF-8 doesn't have, as JSON's escapes."""
    return _encode(value).encode("utf-8", "backslashreplace")


def write_event(value: Any) -> bytes:
    """Write an event of a stream."""
    return b"data: %b\n\n" % encode(value)


class Client:
    """The client of a request.

    Attributes:
        headers: What goes before the first byte, should it not have gone.
        has_begun: Whether it was sent something.
    """

    def __init__(self, receive: Receive, send: Send, *, is_stream: bool) -> None:
        self._receive = receive
        self._send = send
        self._is_stream = is_stream
        self._time = asyncio.get_running_loop().time
        self._spoken_at = self._time()
        self._is_sending = False
        self.headers: dict[str, str] = {}
        self.has_begun = False

    async def watch(self) -> None:
        """Return once it has hung up, or takes nothing any more.

        A client of a stream hears a heartbeat where it hears nothing else.
        """
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    if (await self._receive())["type"] == "http.disconnect":
                        return
            except TimeoutError:
                if not await self._takes():
                    return

    async def send_events(self, events: bytes, *, is_last: bool = False) -> None:
        """Send events of a stream, once its client has taken enough of the earlier ones."""
        self._is_sending = True
        self._spoken_at = self._time()
        await self._begin(STREAM_HEADERS)
        await self._send({"type": "http.response.body", "body": events, "more_body": not is_last})
        self._is_sending = False
        self._spoken_at = self._time()

    async def send_whole(self, body: bytes) -> None:
        """Send an answer that is one JSON object."""
        await self._begin({"content-type": JSON_TYPE, "content-length": str(len(body))})
        await self._send({"type": "http.response.body", "body": body})

    async def _begin(self, headers: dict[str, str]) -> None:
        if self.has_begun:
            return
        self.has_begun = True
        encoded = [
            (name.encode(), value.encode("ascii", "replace"))
            for name, value in (headers | self.headers).items()
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": encoded})

    async def _takes(self) -> bool:
        """Tell whether it takes what it is sent, and keep it company where it hears nothing."""
        silent_seconds = self._time() - self._spoken_at
        if self._is_sending:
            return silent_seconds < STALLED_SECONDS
        if self._is_stream and silent_seconds >= SILENT_SECONDS:
            try:
                async with asyncio.timeout(STALLED_SECONDS):
                    await self.send_events(HEARTBEAT)
            except TimeoutError:
                return False
        return True
