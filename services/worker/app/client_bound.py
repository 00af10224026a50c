"""Answers that end with their client: whoever hangs up ends the work that is done for them."""

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, nullcontext
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from services.worker.app.services.chat_performer import ChatAnswer

CLIENT_CLOSED = 499


class ClientBoundAnswer(Response):
    """Does the work for an answer and sends it, as long as the client is there.

    Args:
        work: Gives the answer.
        place: Held from before the work until everything is sent.
    """

    def __init__(
        self,
        work: Coroutine[Any, Any, ChatAnswer],
        place: AbstractAsyncContextManager[None] | None = None,
    ) -> None:
        super().__init__()
        self._work = work
        self._place = place or nullcontext()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        serving = asyncio.ensure_future(self._serve(scope, receive, send))
        watching = asyncio.ensure_future(_wait_for_hang_up(receive))
        try:
            await asyncio.wait((serving, watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            is_served = serving.done()
            serving.cancel()
            watching.cancel()
            await asyncio.gather(serving, watching, return_exceptions=True)
            self._work.close()  # where there was no place for it
        if is_served:
            serving.result()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._place)
                answer = await self._work
            except asyncio.CancelledError:
                await Response(status_code=CLIENT_CLOSED)(scope, receive, send)
                raise
            if isinstance(content := answer.content, bytes):
                whole = Response(content, headers=answer.headers, media_type="application/json")
                await whole(scope, receive, send)
                return
            await stack.enter_async_context(aclosing(content))
            events = StreamingResponse(
                content, headers=answer.headers, media_type="text/event-stream"
            )
            await events.stream_response(send)


async def _wait_for_hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
