"""A guard keeps calls from a dead provider, and from one that asked for a pause."""

from contextlib import ExitStack, suppress

import pytest
from support.rows import for_each

from services.common.errors import (
    ModelContentFilteredError,
    ModelError,
    ModelInvalidAnswerError,
    ModelQuotaSpentError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from services.common.llm.guard import ProviderGuard


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(clock: Clock) -> ProviderGuard:
    return ProviderGuard("openai:gpt-x", clock=clock)


def call(guard: ProviderGuard, failure: BaseException | None = None) -> None:
    guard.admit()
    with suppress(ModelError, KeyboardInterrupt), guard.watching():
        if failure:
            raise failure


def answer_in(guard: ProviderGuard, clock: Clock, seconds: float) -> None:
    guard.admit()
    with guard.watching() as hear:
        clock.now += seconds
        hear()


def refusal_of(guard: ProviderGuard) -> ModelError:
    with pytest.raises(ModelError) as caught:
        guard.admit()
    return caught.value


def told(failure: ModelError, seconds: str) -> ModelError:
    failure.headers["retry-after"] = seconds
    return failure


@for_each(
    [
        (ModelUnavailableError("500"), True),
        (ModelTimeoutError("60 s"), True),
        (ModelInvalidAnswerError("HTML"), True),
        (ModelError("a vendor's exception without a status"), True),
        (ModelRejectedError("400"), False),
        (ModelRateLimitedError("429"), False),
        (ModelQuotaSpentError("402"), False),
        (ModelContentFilteredError("filtered"), False),
        (KeyboardInterrupt(), False),
    ]
)
def test_only_what_is_the_providers_own_failure_opens_it(row: tuple[BaseException, bool]) -> None:
    failure, opens = row
    clock = Clock()
    guard = ProviderGuard("p:m", clock=clock)
    for _ in range(3):
        call(guard, failure)
        clock.now += 0.5

    assert guard.is_open is opens


def test_an_open_one_says_why_and_when_to_come_back(guard: ProviderGuard, clock: Clock) -> None:
    for _ in range(3):
        call(guard, ModelUnavailableError("It can't be reached."))
        clock.now += 0.5
    refusal = refusal_of(guard)

    assert isinstance(refusal, ModelUnavailableError)
    assert "'openai:gpt-x' is left alone, since it fails: It can't be reached." in refusal.message
    assert refusal.headers == {"retry-after": "1"}


def test_a_second_with_one_answer_among_failures_leaves_it_closed(
    guard: ProviderGuard, clock: Clock
) -> None:
    for number in range(100):
        call(guard, None if number % 20 == 0 else ModelUnavailableError("reset"))
        clock.now += 0.02

    assert not guard.is_open


def test_calls_in_flight_that_wait_longer_than_any_answer_took_open_it_in_four_seconds(
    guard: ProviderGuard, clock: Clock
) -> None:
    for _ in range(10):
        answer_in(guard, clock, 0.2)
    with ExitStack() as stack:
        for _ in range(3):
            guard.admit()
            stack.enter_context(guard.watching())
        clock.now += 3.9
        assert not guard.is_open

        clock.now += 0.1
        assert guard.is_open
        assert "Nothing has come from it for 4 s" in refusal_of(guard).message


def test_a_slow_provider_is_given_as_long_as_its_answers_took(
    guard: ProviderGuard, clock: Clock
) -> None:
    answer_in(guard, clock, 20)
    with ExitStack() as stack:
        for _ in range(9):
            stack.enter_context(guard.watching())
        clock.now += 19
        assert not guard.is_open


def test_whoever_answers_some_is_not_silent(guard: ProviderGuard, clock: Clock) -> None:
    answer_in(guard, clock, 0.2)
    with ExitStack() as stack:
        for _ in range(9):
            stack.enter_context(guard.watching())
        for _ in range(9):
            answer_in(guard, clock, 1)
            assert not guard.is_open


def test_two_calls_and_a_provider_that_never_answered_say_nothing(
    guard: ProviderGuard, clock: Clock
) -> None:
    with ExitStack() as stack:
        for _ in range(9):
            stack.enter_context(guard.watching())
        clock.now += 50
        assert not guard.is_open
    answer_in(guard, clock, 0.2)
    with guard.watching(), guard.watching():
        clock.now += 50
        assert not guard.is_open


def test_a_late_answer_closes_what_silence_opened(guard: ProviderGuard, clock: Clock) -> None:
    answer_in(guard, clock, 0.2)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(guard.watching())
        clock.now += 5
        assert guard.is_open

    assert not guard.is_open


def test_a_rate_limit_is_kept_to_and_is_no_death(guard: ProviderGuard, clock: Clock) -> None:
    call(guard, told(ModelRateLimitedError("429"), "8"))
    clock.now += 2.5
    refusal = refusal_of(guard)
    assert (type(refusal), refusal.headers) == (ModelRateLimitedError, {"retry-after": "6"})
    assert not guard.is_open
    guard.admit(is_retry=True)

    clock.now += 5.5
    guard.admit()


def test_nobody_is_left_alone_for_more_than_a_minute(guard: ProviderGuard, clock: Clock) -> None:
    call(guard, told(ModelRateLimitedError("429"), "86400"))
    assert refusal_of(guard).headers == {"retry-after": "60"}

    clock.now += 60
    guard.admit()
