import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.types import Message

from services.common.errors import ClientGoneError
from services.common.errors.model import ModelUnavailableError
from services.worker.app.client_bound import ClientBoundAnswer
from services.worker.app.services.chat_performer import ChatAnswer

HEADERS = {"x-selfheal-prompt-id": "1"}
SCOPE = {"type": "http", "method": "POST"}


class Client:
    """Takes what is sent, at most `patience` messages, and hangs up when it is told to."""

    def __init__(self, patience: int = 100) -> None:
        self.messages: list[Message] = []
        self.hung_up = asyncio.Event()
        self.patience = patience

    async def receive(self) -> Message:
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.messages.append(message)
        if len(self.messages) == self.patience:
            self.hung_up.set()
            await asyncio.Event().wait()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


class Events:
    """Streams without an end, and notes when it is closed."""

    def __init__(self) -> None:
        self.count = 0
        self.is_closed = False

    async def give(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                self.count += 1
                yield b"x"
        finally:
            self.is_closed = True


async def answering(content: Any) -> ChatAnswer:
    return ChatAnswer(content, HEADERS)


async def serve(client: Client, work: Any) -> None:
    async with asyncio.timeout(5):
        await ClientBoundAnswer(work)(SCOPE, client.receive, client.send)


async def test_a_whole_answer_is_sent() -> None:
    client = Client()
    await serve(client, answering(b"{}"))

    assert client.messages[0]["status"] == 200
    assert (b"x-selfheal-prompt-id", b"1") in client.messages[0]["headers"]
    assert (b"content-type", b"application/json") in client.messages[0]["headers"]
    assert client.body == b"{}"


async def test_who_hangs_up_before_the_answer_cancels_the_work() -> None:
    client = Client()
    is_cancelled = False

    async def work() -> ChatAnswer:
        nonlocal is_cancelled
        client.hung_up.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            is_cancelled = True
            raise
        raise AssertionError

    with pytest.raises(ClientGoneError):
        await serve(client, work())

    assert is_cancelled
    assert client.messages == []


async def test_who_hangs_up_in_the_middle_closes_the_stream() -> None:
    client = Client(patience=4)
    events = Events()
    await serve(client, answering(events.give()))

    assert events.is_closed
    assert events.count == 3, "nothing is made ahead of a client that doesn't take it"
    assert client.body == b"xxx"


async def test_who_is_cancelled_cancels_the_work() -> None:
    client = Client(patience=4)
    client.hung_up.set = lambda: None  # type: ignore[method-assign]
    events = Events()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await ClientBoundAnswer(answering(events.give()))(SCOPE, client.receive, client.send)

    assert events.is_closed


async def test_a_failure_before_the_answer_is_raised() -> None:
    async def work() -> ChatAnswer:
        raise ModelUnavailableError("down")

    client = Client()
    with pytest.raises(ModelUnavailableError):
        await serve(client, work())

    assert client.messages == []
