import random

import pytest

from services.common.resilience.concurrency_limit import (
    FIRST,
    FIRST_OF_A_VENDOR,
    LOWEST,
    ConcurrencyLimit,
)


class Provider:
    """Serves so many calls at a time, in a fifth of a second each; others wait at it."""

    def __init__(self, slots: int, fixed: int | None = None) -> None:
        self.now = 0.0
        self.slots = slots
        self.limit = ConcurrencyLimit(fixed, clock=lambda: self.now)

    def serve(self, seconds: float, *, demand: int = 10_000, noise: float = 0) -> list[int]:
        """The limit after each answer, while so many calls are wanted at a time."""
        seen, ends_at = [], self.now + seconds
        chance = random.Random(7)
        while self.now < ends_at:
            under_way = min(self.limit.calls, demand)
            rate = min(under_way, self.slots) * 5 * (1 + noise * chance.uniform(-1, 1))
            self.now += 1 / rate
            self.limit.tell_answer(is_reached=demand >= self.limit.calls)
            seen.append(self.limit.calls)
        return seen


@pytest.mark.parametrize("slots", [4, 20, 60, 300])
@pytest.mark.parametrize("noise", [0, 0.5])
def test_it_finds_how_many_calls_a_provider_serves_at_a_time(slots: int, noise: float) -> None:
    provider = Provider(slots)
    provider.serve(seconds=120, noise=noise)
    later = provider.serve(seconds=120, noise=noise)

    assert 0.9 * slots <= sorted(later)[len(later) // 2] <= 1.3 * slots


def test_it_follows_a_provider_that_grows() -> None:
    provider = Provider(20)
    provider.serve(seconds=60)
    provider.slots = 80
    provider.serve(seconds=120)

    assert provider.limit.calls >= 70


def test_a_limit_that_is_not_reached_stays() -> None:
    provider = Provider(300)
    assert set(provider.serve(seconds=60, demand=5)) == {FIRST}


def test_a_provider_that_refuses_is_asked_a_fifth_less_whatever_refuses_in_the_same_second() -> (
    None
):
    provider = Provider(20)
    for _ in range(5):
        provider.limit.tell_refusal()
    assert provider.limit.calls == int(FIRST * 0.8)

    for _ in range(50):
        provider.now += 2
        provider.limit.tell_refusal()
    assert provider.limit.calls == LOWEST


def test_a_limit_that_is_set_stays() -> None:
    provider = Provider(slots=5, fixed=12)
    provider.limit.tell_refusal()
    assert set(provider.serve(seconds=30)) == {12}


def test_a_vendor_is_asked_for_more_from_the_start_until_it_refuses() -> None:
    limit = ConcurrencyLimit(is_a_vendors=True, clock=lambda: 0.0)
    assert limit.calls == FIRST_OF_A_VENDOR > FIRST
    assert ConcurrencyLimit(3, is_a_vendors=True).calls == 3

    limit.tell_refusal()
    assert limit.calls < FIRST_OF_A_VENDOR
