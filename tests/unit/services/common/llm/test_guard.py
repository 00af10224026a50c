"""A guard keeps calls from a dead provider, and from one that asked for a pause."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from support.clock import Clock

from services.common.errors.model import (
    ModelContentFilteredError,
    ModelError,
    ModelInvalidAnswerError,
    ModelOutOfTimeError,
    ModelQuotaSpentError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from services.common.llm import guard as guard_module
from services.common.llm.guard import ProviderGuard
from services.common.resilience.deadline import within


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> ProviderGuard:
    return ProviderGuard("openai:gpt-x", clock=clock)


async def call(guard: ProviderGuard, failure: BaseException | None = None) -> None:
    guard.admit()
    with suppress(ModelError, asyncio.CancelledError):
        async with guard.watching():
            if failure:
                raise failure


async def answer_in(guard: ProviderGuard, clock: Clock, seconds: float) -> None:
    guard.admit()
    async with guard.watching() as hear:
        clock.now += seconds
        hear()


@asynccontextmanager
async def calls_under_way(guard: ProviderGuard, count: int) -> AsyncIterator[None]:
    """Let calls wait; in the end they are answered."""
    goes_on = asyncio.Event()

    async def wait() -> None:
        async with guard.watching():
            await goes_on.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(wait())
        await asyncio.sleep(0)
        yield
        goes_on.set()


def refusal_of(guard: ProviderGuard) -> ModelError:
    with pytest.raises(ModelError) as caught:
        guard.admit()
    return caught.value


def told(failure: ModelError, seconds: str) -> ModelError:
    failure.headers["retry-after"] = seconds
    return failure


@pytest.mark.parametrize(
    ("failure", "opens"),
    [
        (ModelUnavailableError("500"), True),
        (ModelTimeoutError("60 s"), True),
        (ModelInvalidAnswerError("HTML"), True),
        (ModelError("a vendor's exception without a status"), True),
        (ModelRejectedError("400"), False),
        (ModelRateLimitedError("429"), False),
        (ModelQuotaSpentError("402"), False),
        (ModelContentFilteredError("filtered"), False),
        (asyncio.CancelledError(), False),
    ],
    ids=repr,
)
async def test_only_what_is_the_providers_own_failure_opens_it(
    failure: BaseException, opens: bool
) -> None:
    clock = Clock()
    guard = ProviderGuard("p:m", clock=clock)
    for _ in range(3):
        await call(guard, failure)
        clock.now += 0.5

    assert guard.is_open is opens


async def test_an_open_one_says_why_and_when_to_come_back(
    guard: ProviderGuard, clock: Clock
) -> None:
    for _ in range(3):
        await call(guard, ModelUnavailableError("It can't be reached."))
        clock.now += 0.5
    refusal = refusal_of(guard)

    assert isinstance(refusal, ModelUnavailableError)
    assert "'openai:gpt-x' is left alone, since it fails: It can't be reached." in refusal.message
    assert refusal.headers == {"retry-after": "1"}


async def test_a_second_with_one_answer_among_failures_leaves_it_closed(
    guard: ProviderGuard, clock: Clock
) -> None:
    for number in range(100):
        await call(guard, None if number % 20 == 0 else ModelUnavailableError("reset"))
        clock.now += 0.02

    assert not guard.is_open


async def test_calls_in_flight_that_wait_longer_than_any_answer_took_open_it_in_four_seconds(
    guard: ProviderGuard, clock: Clock
) -> None:
    for _ in range(10):
        await answer_in(guard, clock, 0.2)
    async with calls_under_way(guard, 3):
        clock.now += 3.9
        assert not guard.is_open

        clock.now += 0.1
        assert guard.is_open
        assert "Nothing has come from it for 4 s" in refusal_of(guard).message


async def test_a_slow_provider_is_given_as_long_as_its_answers_took(
    guard: ProviderGuard, clock: Clock
) -> None:
    await answer_in(guard, clock, 20)
    async with calls_under_way(guard, 9):
        clock.now += 19
        assert not guard.is_open


async def test_whoever_answers_some_is_not_silent(guard: ProviderGuard, clock: Clock) -> None:
    await answer_in(guard, clock, 0.2)
    async with calls_under_way(guard, 9):
        for _ in range(9):
            await answer_in(guard, clock, 1)
            assert not guard.is_open


async def test_two_calls_and_a_provider_that_never_answered_say_nothing(
    guard: ProviderGuard, clock: Clock
) -> None:
    async with calls_under_way(guard, 9):
        clock.now += 50
        assert not guard.is_open
    await answer_in(guard, clock, 0.2)
    async with calls_under_way(guard, 2):
        clock.now += 50
        assert not guard.is_open


async def test_a_late_answer_closes_what_silence_opened(guard: ProviderGuard, clock: Clock) -> None:
    await answer_in(guard, clock, 0.2)
    async with calls_under_way(guard, 3):
        clock.now += 5
        assert guard.is_open

    assert not guard.is_open


async def test_while_a_probe_waits_there_is_no_other(guard: ProviderGuard, clock: Clock) -> None:
    await answer_in(guard, clock, 0.2)
    guard.breaker.open()
    clock.now += 1
    guard.admit()
    async with calls_under_way(guard, 1):
        clock.now += 2
        refusal_of(guard)
        clock.now += 2
        guard.admit()


async def test_where_another_stands_in_silence_ends_the_calls_that_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard_module, "LEAST_SILENCE_SECONDS", 0.02)
    guard = ProviderGuard("openai:gpt-x")
    guard.gives_up = True
    await call(guard)

    async def wait() -> None:
        async with guard.watching():
            await asyncio.Event().wait()

    ended = await asyncio.gather(*(wait() for _ in range(4)), return_exceptions=True)
    assert {type(one) for one in ended} == {ModelUnavailableError}
    assert guard.is_open
    assert "has fallen silent" in str(ended[0])


async def test_where_another_stands_in_a_probe_waits_longer_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard_module, "LEAST_SILENCE_SECONDS", 0.01)
    guard = ProviderGuard("openai:gpt-x")
    guard.gives_up = True
    guard.breaker.open()
    for factor in (1, 2, 4):
        assert guard._patience_seconds == 0.01 * factor
        with pytest.raises(ModelUnavailableError, match="silent"):
            async with guard.watching():
                await asyncio.Event().wait()
    await call_without_leave(guard)

    assert guard._patience_seconds < 0.04
    assert not guard.is_open


async def call_without_leave(guard: ProviderGuard) -> None:
    async with guard.watching():
        pass


async def test_the_end_of_the_requests_own_time_says_nothing(
    guard: ProviderGuard, clock: Clock
) -> None:
    for _ in range(2):
        await call(guard, ModelUnavailableError("500"))
        clock.now += 1
    await call(guard, ModelOutOfTimeError())
    assert not guard.is_open
    await call(guard, ModelUnavailableError("500"))

    assert guard.is_open


async def test_a_rate_limit_is_kept_to_and_is_no_death(guard: ProviderGuard, clock: Clock) -> None:
    await call(guard, told(ModelRateLimitedError("429"), "8"))
    clock.now += 2.5
    refusal = refusal_of(guard)
    assert isinstance(refusal, ModelRateLimitedError)
    assert (refusal.was_asked, refusal.headers) == (False, {"retry-after": "6"})
    assert not guard.is_open
    guard.admit(is_retry=True)

    clock.now += 5.5
    guard.admit()


async def test_nobody_is_left_alone_for_more_than_a_minute(
    guard: ProviderGuard, clock: Clock
) -> None:
    await call(guard, told(ModelRateLimitedError("429"), "86400"))
    assert refusal_of(guard).headers == {"retry-after": "60"}

    clock.now += 60
    guard.admit()


async def test_a_call_with_too_little_time_leaves_the_probe_to_others(
    guard: ProviderGuard, clock: Clock
) -> None:
    guard.breaker.open()
    clock.now += 1
    with within(0.05), pytest.raises(ModelUnavailableError):
        guard.admit()
    await call(guard)

    assert not guard.is_open


async def test_where_all_calls_have_little_time_one_of_them_is_the_probe(
    guard: ProviderGuard, clock: Clock
) -> None:
    guard.breaker.open()
    clock.now += 2
    with within(0.05):
        await call(guard)

    assert not guard.is_open
