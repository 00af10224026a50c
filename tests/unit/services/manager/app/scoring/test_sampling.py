"""Tests for `sampling.py`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.task_types.task_type import Sampling
from services.manager.app.scoring.sampling import Mark, choose_scoring, inclusion_probability

shares = st.floats(0.01, 1)
draws = st.floats(0, 1, exclude_max=True)


@given(draws)
def test_by_default_everything_is_judged(draw: float) -> None:
    assert choose_scoring(Sampling(), draw) == Mark(True, 1.0, 1.0)


@given(shares, shares, draws)
def test_what_is_judged_is_among_what_the_rules_look_at(a: float, b: float, draw: float) -> None:
    sampling = Sampling(rules=max(a, b), judge=min(a, b))
    mark = choose_scoring(sampling, draw)
    assert (mark is not None) == (draw < sampling.rules)
    assert (mark is not None and mark.with_judge) == (draw < sampling.judge)


@pytest.mark.parametrize("true_rate", [0.0, 0.25, 1.0])
def test_weighing_by_the_inverse_gives_the_true_rate_of_failures(true_rate: float) -> None:
    """Each outcome is known with its own chance; its inverse makes up for what isn't known."""
    sampling = Sampling(rules=0.5, judge=0.1)
    many = 20_000
    failing, all_of_them = 0.0, 0.0
    for number in range(many):
        fails_by_rules = number < true_rate * many
        # The golden ratio spreads the draws evenly over [0, 1) in any part of the sequence.
        mark = choose_scoring(sampling, number * 0.6180339887498949 % 1)
        if mark is None or not (mark.with_judge or fails_by_rules):
            continue
        weight = 1 / inclusion_probability(mark, fails_by_rules=fails_by_rules)
        all_of_them += weight
        failing += weight * fails_by_rules
    assert failing / all_of_them == pytest.approx(true_rate, abs=0.01)
    assert all_of_them == pytest.approx(many, rel=0.02)
