import asyncio
from collections.abc import Callable

import pytest

from services.common.errors import OverloadedError
from services.common.errors.model import ModelRateLimitedError
from services.common.resilience.bounded_calls import BoundedCalls
from services.common.resilience.concurrency_limit import ConcurrencyLimit
from services.common.resilience.ranks import Rank, current_rank

PLACES = 4
MAY_WAIT = 2


class Caller:
    """Calls that are under way until they are told to end."""

    def __init__(self, queue_seconds: float = 60) -> None:
        self.limit = ConcurrencyLimit(PLACES)
        self.refusals: list[str] = []
        self.calls = BoundedCalls(self.limit, queue_seconds, self.refusals.append)
        self.begun = 0
        self.end = asyncio.Event()

    async def call(self, rank: Rank = Rank.LIVE) -> None:
        current_rank.set(rank)
        async with self.calls.hold():
            self.begun += 1
            await self.end.wait()

    async def begin(self, count: int, rank: Rank = Rank.LIVE) -> "list[asyncio.Task[None]]":
        tasks = [asyncio.create_task(self.call(rank)) for _ in range(count)]
        for _ in range(3):
            await asyncio.sleep(0)
        return tasks


async def test_half_as_many_wait_as_are_under_way_and_the_next_is_refused_at_once() -> None:
    caller = Caller()
    tasks = await caller.begin(PLACES + MAY_WAIT)
    assert caller.begun == PLACES

    assert not caller.calls.admits(Rank.LIVE)
    with pytest.raises(OverloadedError) as refusal:
        await caller.call()
    assert 1 <= int(refusal.value.headers["retry-after"]) <= 3
    assert caller.refusals == ["provider"]

    caller.end.set()
    await asyncio.gather(*tasks)
    assert caller.begun == PLACES + MAY_WAIT
    assert caller.calls.admits(Rank.LIVE)


async def test_replays_wait_in_greater_number_and_keep_no_live_request_out() -> None:
    caller = Caller()
    tasks = await caller.begin(PLACES) + await caller.begin(3 * PLACES, Rank.REPLAY)

    assert caller.calls.admits(Rank.REPLAY)
    assert caller.calls.admits(Rank.LIVE)

    caller.end.set()
    await asyncio.gather(*tasks)
    assert caller.begun == 4 * PLACES


async def test_what_waits_too_long_is_refused() -> None:
    caller = Caller(queue_seconds=0.001)
    tasks = await caller.begin(PLACES)

    with pytest.raises(OverloadedError):
        await caller.call()

    caller.end.set()
    await asyncio.gather(*tasks)
    assert (caller.begun, caller.refusals) == (PLACES, ["provider"])


async def test_a_provider_that_refuses_is_told_to_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caller = Caller()
    told: list[str] = []
    answered: Callable[..., None] = lambda **_: told.append("answered")  # noqa: E731
    monkeypatch.setattr(caller.limit, "tell_refusal", lambda: told.append("refused"))
    monkeypatch.setattr(caller.limit, "tell_answer", answered)

    with pytest.raises(ModelRateLimitedError):
        async with caller.calls.hold():
            raise ModelRateLimitedError("Slowly.")
    # Whom nobody asked refused nothing.
    with pytest.raises(ModelRateLimitedError):
        async with caller.calls.hold():
            raise ModelRateLimitedError("Later.", was_asked=False)
    async with caller.calls.hold():
        pass

    assert told == ["refused", "answered"]
