"""Knows the client of a request: whether it is there, reads, and what it was sent."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, cast

from starlette.types import Receive, Send

HEARTBEAT = b": still at work\n\n"
# So often the client is looked at; heartbeats come after at most 15 s of silence.
LOOK_SECONDS = 5.0
SILENT_SECONDS = 10.0
# A client that takes nothing for so long is gone, whatever its connection says.
STALLED_SECONDS = 60.0
JSON_TYPE = "application/json"
STREAM_TYPE = "text/event-stream; charset=utf-8"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode(value: Any) -> bytes:
    """Write JSON; lone surrogates, which UTF-8 doesn't have, as escapes."""
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def write_event(value: Any) -> bytes:
    """Write an event of a stream."""
    return b"data: %b\n\n" % encode(value)


class Client:
    """The client of the current task's request; its going away cancels the task that watches it.

    Attributes:
        is_gone: Whether it hung up, or takes nothing any more.
        has_begun: Whether it was sent something.
    """

    def __init__(self, receive: Receive, send: Send, *, is_stream: bool) -> None:
        self._receive = receive
        self._send = send
        self._is_stream = is_stream
        self._loop = asyncio.get_running_loop()
        self.task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._watcher: asyncio.Task[None] | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._spoken_at = self._loop.time()
        self._is_sending = False
        self.is_gone = False
        self.has_begun = False

    def watch(self) -> None:
        """Begin to watch it; a client of a stream hears a heartbeat where it hears nothing else."""
        self._watcher = asyncio.create_task(self._watch())

    async def stop_watching(self) -> None:
        """End the watch: from here on the task isn't cancelled any more.

        Raises:
            CancelledError: If the client has gone, which this very moment was to tell the task.
        """
        self.end_watch()
        if self.is_gone:
            await asyncio.sleep(0)

    def end_watch(self) -> None:
        """End the watch; a client that is gone may have been told of already."""
        if self._watcher is not None:
            self._watcher.cancel()

    def set_headers(self, headers: Mapping[str, str]) -> None:
        """Set the headers that go before the first byte, should it not have gone."""
        self._headers = [
            (name.encode(), value.encode("ascii", "replace")) for name, value in headers.items()
        ]

    async def send_events(self, events: bytes, *, is_last: bool = False) -> None:
        """Send events of a stream, once its client has taken enough of the earlier ones."""
        self._is_sending = True
        self._spoken_at = self._loop.time()
        if not self.has_begun:
            await self._begin(STREAM_TYPE, [(b"cache-control", b"no-cache")])
        await self._send({"type": "http.response.body", "body": events, "more_body": not is_last})
        self._is_sending = False
        self._spoken_at = self._loop.time()

    async def send_whole(self, body: bytes) -> None:
        """Send an answer that is one JSON object."""
        await self._begin(JSON_TYPE, [(b"content-length", str(len(body)).encode())])
        await self._send({"type": "http.response.body", "body": body})

    async def _begin(self, media_type: str, more: list[tuple[bytes, bytes]]) -> None:
        self.has_begun = True
        headers = [(b"content-type", media_type.encode()), *more, *self._headers]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def _watch(self) -> None:
        while not self.is_gone:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    self.is_gone = (await self._receive())["type"] == "http.disconnect"
            except TimeoutError:
                await self._look()
        self.task.cancel()

    async def _look(self) -> None:
        """Give up on a client that takes nothing, and keep one company that hears nothing."""
        silent_seconds = self._loop.time() - self._spoken_at
        if self._is_sending:
            self.is_gone = silent_seconds >= STALLED_SECONDS
        elif self._is_stream and silent_seconds >= SILENT_SECONDS:
            try:
                async with asyncio.timeout(STALLED_SECONDS):
                    await self.send_events(HEARTBEAT)
            except TimeoutError:
                self.is_gone = True
