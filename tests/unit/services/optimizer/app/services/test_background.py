"""Work that nobody waits for."""

import asyncio

import pytest
from structlog.testing import capture_logs

from services.common.errors import UpstreamError
from services.optimizer.app.services import background
from services.optimizer.app.services.background import BackgroundWork

PATIENCE_SECONDS = 20


async def test_so_much_goes_on_at_a_time_and_each_name_once() -> None:
    begun: list[str] = []
    gate = asyncio.Event()

    def make(name: str) -> background.Work:
        async def work() -> bool:
            begun.append(name)
            await gate.wait()
            return True

        return work

    async with asyncio.timeout(PATIENCE_SECONDS), BackgroundWork(2) as room:
        for name in ("a", "a", "b", "c"):
            room.start(name, make(name))
        room.start("job", make("job"), takes_turns=False)
        await asyncio.sleep(0)
        assert begun == ["a", "b", "job"]
        assert room.names == {"a", "b", "c", "job"}
        gate.set()
        while room.names:  # noqa: ASYNC110 - it ends by itself
            await asyncio.sleep(0)
    assert begun == ["a", "b", "job", "c"]


@pytest.mark.parametrize("is_news", [True, False])
async def test_what_did_something_wakes_who_looks(*, is_news: bool) -> None:
    async def work() -> bool:
        return is_news

    async with BackgroundWork(1) as room:
        room.start("a", work)
        while room.names:  # noqa: ASYNC110 - it ends by itself
            await asyncio.sleep(0)
        assert room.ended.is_set() is is_news


async def test_what_fails_is_logged_and_rests_longer_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(background, "LONGEST_PAUSE_SECONDS", 0.002)
    failures: list[Exception] = [
        UpstreamError("down", upstream="worker", upstream_code="unreachable"),
        ValueError("a user's words"),
        OSError("gone"),
    ]

    async def work() -> bool:
        raise failures.pop(0)

    with capture_logs() as logs:
        async with asyncio.timeout(PATIENCE_SECONDS), BackgroundWork(1) as room:
            while failures:
                room.start("a", work)
                await room.ended.wait()
                room.ended.clear()
    assert [(entry["code"], entry["retry_seconds"]) for entry in logs] == [
        ("worker_failed", 0.001),
        ("unexpected_error", 0.002),
        ("unexpected_error", 0.002),
    ]


async def test_leaving_cancels_what_goes_on_and_what_waits() -> None:
    cancelled: list[str] = []

    async def work() -> bool:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("a")
            raise
        return True

    async with asyncio.timeout(PATIENCE_SECONDS):
        async with BackgroundWork(1) as room:
            room.start("a", work)
            room.start("b", work)
            await asyncio.sleep(0)
        assert (cancelled, room.names) == (["a"], frozenset())
