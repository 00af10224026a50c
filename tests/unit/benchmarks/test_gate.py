import random
from statistics import fmean

import pytest

from benchmarks.gate import SCENARIOS, draw_pairs, stop_betting
from services.common.proof.betting import play


def test_under_a_tie_the_mean_of_the_e_value_is_1_and_that_of_the_peak_is_more() -> None:
    generator = random.Random(14)
    ends = [stop_betting(draw_pairs(SCENARIOS[0], generator)) for _ in range(4_000)]
    assert fmean(end.now for end in ends) == pytest.approx(1, abs=0.2)
    assert fmean(end.peak for end in ends) > 2


def test_the_betting_stops_with_the_evidence() -> None:
    pairs = draw_pairs(SCENARIOS[3], random.Random(14))
    assert stop_betting(pairs) == play([pair.gain for pair in pairs[:5]])
