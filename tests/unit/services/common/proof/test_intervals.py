"""How sure a share is: exact tails and bounds."""

from math import comb

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.rows import for_each

from services.common.proof.intervals import binomial_tail, fisher_tail, rate_bounds

RATES = st.floats(0, 1)
COUNTS = st.integers(0, 60)


@for_each(
    [
        (0, 5, 0.1, 1.0),
        (-1, 0, 0.1, 1.0),
        (3, 3, 0.5, 0.125),
        (4, 3, 0.5, 0.0),
        (2, 3, 0.5, 0.5),
        (1, 3, 0.0, 0.0),
        (3, 3, 1.0, 1.0),
    ]
)
def test_the_tail_is_exact(row: tuple[int, int, float, float]) -> None:
    successes, trials, rate, chance = row
    assert binomial_tail(successes, trials, rate) == pytest.approx(chance)


@given(COUNTS, COUNTS, RATES)
def test_a_tail_and_what_is_left_of_it_make_one(successes: int, trials: int, rate: float) -> None:
    assume(successes <= trials)
    here = comb(trials, successes) * rate**successes * (1 - rate) ** (trials - successes)
    more = binomial_tail(successes + 1, trials, rate)
    assert binomial_tail(successes, trials, rate) == pytest.approx(here + more)


@for_each(
    [
        (0, 0, 0, 0, 1.0),
        (0, 0, 3, 5, 1.0),
        (2, 2, 0, 0, 1.0),
        (0, 1, 7, 7, 1 / 8),
        (0, 2, 6, 6, 1 / 28),
        (1, 4, 6, 6, 7 / 210),
        # Fisher's lady names three cups of four rightly, by chance or better.
        (1, 4, 3, 4, 17 / 70),
        (4, 4, 0, 4, 1.0),
    ]
)
def test_fisher_s_exact_test(row: tuple[int, int, int, int, float]) -> None:
    *counts, chance = row
    assert fisher_tail(*counts) == pytest.approx(chance)


@for_each(
    [
        (0, 0, 0.0, 1.0),
        (0, 2, 0.0, 1 - 0.1**0.5),
        (7, 7, 0.1 ** (1 / 7), 1.0),
        (5, 10, 0.2673, 0.7327),
    ]
)
def test_the_bounds_are_clopper_s_and_pearson_s(row: tuple[int, int, float, float]) -> None:
    successes, trials, lower, upper = row
    found = rate_bounds(successes, trials, level=0.1)
    assert found == pytest.approx((lower, upper), abs=1e-4)


@given(COUNTS, COUNTS, st.floats(0.01, 0.4))
def test_a_bound_is_the_rate_at_which_what_was_seen_is_as_rare_as_allowed(
    successes: int, trials: int, level: float
) -> None:
    assume(successes <= trials)
    lower, upper = rate_bounds(successes, trials, level=level)
    assert lower <= (successes / trials if trials else 0.5) <= upper
    if successes:
        assert binomial_tail(successes, trials, lower) == pytest.approx(level, abs=1e-6)
    if successes < trials:
        assert binomial_tail(trials - successes, trials, 1 - upper) == pytest.approx(
            level, abs=1e-6
        )


@given(COUNTS, COUNTS, st.floats(0.01, 0.4))
def test_bounds_of_failures_mirror_those_of_passes(
    successes: int, trials: int, level: float
) -> None:
    assume(successes <= trials)
    lower, upper = rate_bounds(successes, trials, level=level)
    mirrored = rate_bounds(trials - successes, trials, level=level)
    assert mirrored == pytest.approx((1 - upper, 1 - lower))
