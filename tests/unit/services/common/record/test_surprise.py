"""How surprising failures are."""

import random
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.record.surprise import (
    SURPRISE_LEVEL,
    Record,
    beta_binomial_tail,
    rate_surprise,
)

SEED = 20_260_101
WINDOWS = 2_000


@pytest.mark.parametrize(
    ("successes", "trials", "a", "b", "tail"),
    [
        pytest.param(0, 5, 1, 9, 1, id="none-or-more"),
        pytest.param(1, 1, 1, 9, 0.1, id="one-of-one-has-the-mean-s-chance"),
        pytest.param(1, 1, 3, 1, 0.75, id="whatever-the-mean"),
        pytest.param(2, 3, 1, 1, 0.5, id="a-uniform-rate-makes-all-counts-alike"),
        pytest.param(4, 4, 1, 1, 0.2, id="four-of-four-under-a-uniform-rate"),
        pytest.param(3, 3, 1, 9, 1 * 2 * 3 / (10 * 11 * 12), id="three-of-three"),
    ],
)
def test_the_tail_of_the_beta_binomial(
    successes: int, trials: int, a: float, b: float, tail: float
) -> None:
    assert beta_binomial_tail(successes, trials, a, b) == pytest.approx(tail)


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.1, 300), st.floats(0.1, 300))
def test_the_tail_is_a_probability_that_falls(
    successes: int, more: int, a: float, b: float
) -> None:
    trials = successes + more
    tail = beta_binomial_tail(successes, trials, a, b)
    assert 0 < tail <= 1
    assert beta_binomial_tail(successes + 1, trials + 1, a, b) <= tail + 1e-9
    if more:
        assert beta_binomial_tail(successes + 1, trials, a, b) <= tail


def test_a_full_window_is_no_trouble() -> None:
    assert 0 < beta_binomial_tail(1_000, 1_000, 11, 199) < 1e-9
    assert rate_surprise(1_000, 1_000, [Record(200, 190)]).is_surprising
    assert not rate_surprise(50, 1_000, [Record(200, 190)]).is_surprising


def test_the_surprise_tells_what_was_expected() -> None:
    surprise = rate_surprise(5, 5, [Record(90, 85), Record(10, 2)])
    assert surprise.baseline_answers == 90
    assert surprise.baseline_failure_rate == pytest.approx((0.5 + 5) / (10 + 90))
    assert surprise.nothing_passed


def test_without_any_record_a_twentieth_is_expected_to_fail() -> None:
    surprise = rate_surprise(1, 10, [])
    assert (surprise.baseline_failure_rate, surprise.baseline_answers) == (0.05, 0)
    assert surprise.p_value == pytest.approx(beta_binomial_tail(1, 10, 0.5, 9.5))


def test_nothing_is_no_surprise() -> None:
    assert not rate_surprise(0, 0, []).is_surprising


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.2])
def test_windows_as_usual_alarm_at_most_at_the_stated_rate(rate: float) -> None:
    """Two hundred earlier answers, then a window of a hundred, both at one failure rate."""
    chance = random.Random(SEED)
    alarms = 0
    for _ in range(WINDOWS):
        passed = sum(chance.random() >= rate for _ in range(200))
        failures = sum(chance.random() < rate for _ in range(100))
        alarms += (
            failures >= 3 and rate_surprise(failures, 100, [Record(200, passed)]).is_surprising
        )
    allowed = SURPRISE_LEVEL + 3 * sqrt(SURPRISE_LEVEL * (1 - SURPRISE_LEVEL) / WINDOWS)
    assert 0 < alarms / WINDOWS <= allowed


def test_a_breakdown_is_seen_in_nearly_every_window() -> None:
    chance = random.Random(SEED)
    seen = sum(
        rate_surprise(
            sum(chance.random() < 0.2 for _ in range(100)), 100, [Record(200, 190)]
        ).is_surprising
        for _ in range(WINDOWS)
    )
    assert seen / WINDOWS > 0.95
