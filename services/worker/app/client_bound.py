"""Answers that end with their client: whoever hangs up ends the work that is done for them."""

from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from services.common.errors import ClientGoneError
from services.common.resilience.hang_ups import while_connected
from services.worker.app.services.chat_performer import ChatAnswer


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
        """Send the answer.

        Raises:
            ClientGoneError: If the client hung up before it began.
        """
        has_begun = False

        async def note_and_send(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await while_connected(receive, self._serve(scope, receive, note_and_send))
        except ClientGoneError:
            if not has_begun:
                raise
        finally:
            self._work.close()  # where there was no place for it

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._place:
            answer = await self._work
            if isinstance(content := answer.content, bytes):
                whole = Response(content, headers=answer.headers, media_type="application/json")
                await whole(scope, receive, send)
                return
            async with aclosing(content):
                events = StreamingResponse(
                    content, headers=answer.headers, media_type="text/event-stream"
                )
                await events.stream_response(send)
