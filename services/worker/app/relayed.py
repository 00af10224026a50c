"""Answers that end with their client: whoever hangs up ends the work for them."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

Result = TypeVar("Result")


async def work_for_client(request: Request, work: Coroutine[Any, Any, Result]) -> Result | None:
    """Return what `work` gives, or None where the client hung up before; then it is cancelled."""
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_wait_for_hang_up(request))
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, watching):
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))


async def _wait_for_hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class RelayedEvents(StreamingResponse):
    """Server-sent events; the generator is closed as soon as nobody takes them any more."""

    def __init__(self, events: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> None:
        super().__init__(events, headers=headers, media_type="text/event-stream")
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        async with aclosing(self._events):
            await super().__call__(scope, receive, send)
