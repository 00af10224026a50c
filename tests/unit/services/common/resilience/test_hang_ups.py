import asyncio

import pytest
from starlette.types import Message

from services.common.errors import ClientGoneError, UnscoredError
from services.common.resilience.hang_ups import while_connected


class Client:
    """Hangs up when it is told to; before that it may say more than was asked."""

    def __init__(self) -> None:
        self.hung_up = asyncio.Event()
        self.more: list[Message] = []

    async def receive(self) -> Message:
        if self.more:
            return self.more.pop()
        await self.hung_up.wait()
        return {"type": "http.disconnect"}


class Work:
    """Works until it is told to end, and notes whether it was cancelled."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ends = asyncio.Event()
        self.was_cancelled = False

    async def run(self) -> str:
        self.begun.set()
        try:
            await self.ends.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return "done"


async def test_what_is_done_for_a_client_that_waits_is_returned() -> None:
    client, work = Client(), Work()
    client.more.append({"type": "http.request", "body": b"", "more_body": False})
    work.ends.set()
    assert await while_connected(client.receive, work.run()) == "done"


async def test_who_hangs_up_cancels_the_work_and_it_has_ended_by_then() -> None:
    client, work = Client(), Work()
    client.hung_up.set()
    with pytest.raises(ClientGoneError):
        await while_connected(client.receive, work.run())
    assert work.was_cancelled


async def test_what_is_done_before_the_client_is_seen_to_be_gone_counts() -> None:
    client, work = Client(), Work()
    work.ends.set()
    client.hung_up.set()
    assert await while_connected(client.receive, work.run()) == "done"


async def test_a_failure_is_raised_as_it_is() -> None:
    async def fail() -> None:
        raise UnscoredError("no")

    with pytest.raises(UnscoredError):
        await while_connected(Client().receive, fail())


async def test_who_is_cancelled_cancels_the_work() -> None:
    client, work = Client(), Work()
    task = asyncio.create_task(while_connected(client.receive, work.run()))
    await work.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.was_cancelled
