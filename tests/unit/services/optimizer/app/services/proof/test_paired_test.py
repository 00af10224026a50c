"""The paired test: what the bet is worth, error rate and power in simulated heals, and damage."""

import random
from collections.abc import Callable, Sequence
from itertools import product
from math import sqrt
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.proof.betting import SIGNIFICANCE_LEVEL, PairedScore, wins_needed
from services.optimizer.app.services.proof.paired_test import (
    BETTER,
    LEARNED,
    NOT_BETTER,
    RESET,
    UNDECIDED,
    UNLABELLED,
    can_decide,
    decide,
    label_repair,
)

SEED = 20_260_101
HEALS = 2_000
VERDICT_PAIRS = 24
CHOOSING_PAIRS = 8
PASSING, FAILING = 0.88, 0.37
MOST_FALSE_PROMOTIONS = SIGNIFICANCE_LEVEL + 3 * sqrt(
    SIGNIFICANCE_LEVEL * (1 - SIGNIFICANCE_LEVEL) / HEALS
)

SCORE = st.floats(0, 1)
GAIN = st.floats(-1, 1)
PAIRS = st.lists(st.builds(PairedScore, st.text(max_size=3), SCORE, SCORE), max_size=30)

Draw = Callable[[random.Random], PairedScore]


def pairs(*differences: float) -> list[PairedScore]:
    return [
        PairedScore(str(number), 0.5, 0.5 + difference)
        for number, difference in enumerate(differences)
    ]


def scored(*, incumbent: float, candidate: float) -> PairedScore:
    return PairedScore("x", incumbent, candidate)


# The bet.


def test_the_e_value_is_expected_to_be_1_under_a_tie_and_the_peak_is_more() -> None:
    """All 64 ways in which six coins may fall."""
    heals = [decide(pairs(*fallen)) for fallen in product([0.5, -0.5], repeat=6)]
    assert fmean(heal.e_value for heal in heals) == pytest.approx(1)
    assert fmean(1 / heal.p_value for heal in heals) > 2


@pytest.mark.parametrize("count", range(12))
def test_pairs_can_decide_exactly_when_all_wins_would_be_promoted(count: int) -> None:
    assert can_decide(count) == decide(pairs(*[0.5] * count)).promote


# The decision.


@pytest.mark.parametrize(
    ("differences", "pairs_left", "reason"),
    [
        pytest.param([], 0, NOT_BETTER, id="no-pairs"),
        pytest.param([], 4, NOT_BETTER, id="too-few-to-come"),
        pytest.param([], 5, UNDECIDED, id="enough-to-come"),
        pytest.param([0.5] * 5, 0, BETTER, id="five-whole-wins"),
        pytest.param([0.5] * 5, 19, BETTER, id="an-early-stop-for-the-better"),
        pytest.param([0.5] * 4, 20, UNDECIDED, id="four-so-far"),
        pytest.param([0.5] * 4, 0, NOT_BETTER, id="four-and-no-more"),
        pytest.param([-0.5] * 2, 22, UNDECIDED, id="two-losses"),
        pytest.param([-0.5] * 5, 19, NOT_BETTER, id="an-early-stop-for-the-worse"),
        pytest.param([0.0] * 20, 4, NOT_BETTER, id="too-late-after-ties"),
        pytest.param([0.0] * 24, 0, NOT_BETTER, id="ties-keep-the-incumbent"),
        pytest.param([0.01] * 24, 0, NOT_BETTER, id="gains-that-hardly-are-any"),
        pytest.param([0.5] * 5 + [-0.5] * 9, 0, BETTER, id="evidence-once-seen-stays-seen"),
        pytest.param([-0.5] * 4 + [0.5] * 5, 0, NOT_BETTER, id="wins-behind-losses"),
    ],
)
def test_the_decision(differences: list[float], pairs_left: int, reason: str) -> None:
    decision = decide(pairs(*differences), pairs_left=pairs_left)
    assert decision.reason == reason
    assert decision.promote == (reason == BETTER)


def test_the_decision_tells_what_it_rests_on() -> None:
    decision = decide(pairs(0.5, -0.1, 0.0, 0.01), pairs_left=20)
    assert (decision.wins, decision.losses) == (1, 1)
    assert decision.e_value == pytest.approx(1.9 * 0.82 * 1.018)
    assert decision.p_value == pytest.approx(1 / 1.9)
    assert decision.incumbent_mean == pytest.approx(0.5)
    assert decision.candidate_mean == pytest.approx(0.5 + 0.41 / 4)
    assert decision.improvement_pct == pytest.approx(41 / 4)


def test_without_pairs_there_is_no_mean() -> None:
    decision = decide([])
    assert (decision.incumbent_mean, decision.candidate_mean) == (None, None)
    assert decision.improvement_pct == 0


@given(PAIRS)
def test_nothing_is_promoted_without_the_evidence(scores: list[PairedScore]) -> None:
    decision = decide(scores)
    assert decision.promote == (decision.p_value <= SIGNIFICANCE_LEVEL)
    assert 0 <= decision.e_value * decision.p_value <= 1 + 1e-9
    assert not decision.promote or len(scores) >= wins_needed()
    assert decision.wins + decision.losses <= len(scores)


@given(PAIRS, st.integers(0, 30))
def test_nothing_is_undecided_once_nothing_is_left(scores: list[PairedScore], left: int) -> None:
    assert decide(scores).reason != UNDECIDED
    later = decide(scores, pairs_left=left)
    assert later.promote == decide(scores).promote


# Simulated heals.


def looks_promoting(scores: Sequence[PairedScore]) -> bool:
    """Whether the gate promotes with a look after every pair, which is the most one can look."""
    for seen in range(len(scores) + 1):
        decision = decide(scores[:seen], pairs_left=len(scores) - seen)
        if decision.reason != UNDECIDED:
            return decision.promote
    raise AssertionError("the last look decides")


def promotion_rate(draw: Draw, *, count: int) -> float:
    """Share of heals that promote; a look at the end finds what a look on the way would find."""
    chance = random.Random(SEED)
    return sum(decide([draw(chance) for _ in range(count)]).promote for _ in range(HEALS)) / HEALS


def draw_score(chance: random.Random, *, passes: bool, noise: float) -> float:
    score = (PASSING if passes else FAILING) + noise * (chance.random() - 0.5)
    return min(1.0, max(0.0, score))


def passing_at(
    incumbent: float, candidate: float, *, alike: float = 0.0, noise: float = 0.0
) -> Draw:
    """Pairs of two prompts with these pass rates; a share of inputs is as hard for both."""

    def draw(chance: random.Random) -> PairedScore:
        hardness = chance.random()
        other = hardness if chance.random() < alike else chance.random()
        return scored(
            incumbent=draw_score(chance, passes=hardness < incumbent, noise=noise),
            candidate=draw_score(chance, passes=other < candidate, noise=noise),
        )

    return draw


@pytest.mark.parametrize("noise", [0.0, 0.2], ids=["plain", "noisy"])
@pytest.mark.parametrize("alike", [0.0, 0.7], ids=["independent", "hard-alike"])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_of_equally_good_prompts_few_are_promoted(rate: float, alike: float, noise: float) -> None:
    draw = passing_at(rate, rate, alike=alike, noise=noise)
    assert promotion_rate(draw, count=VERDICT_PAIRS) <= MOST_FALSE_PROMOTIONS


def test_looking_after_every_pair_makes_no_error_more_likely() -> None:
    chance = random.Random(SEED)
    draw = passing_at(0.5, 0.5, alike=0.3, noise=0.1)
    heals = [[draw(chance) for _ in range(VERDICT_PAIRS)] for _ in range(HEALS)]
    promoted = sum(looks_promoting(heal) for heal in heals)
    assert promoted / HEALS <= MOST_FALSE_PROMOTIONS
    assert promoted <= sum(decide(heal).promote for heal in heals)


def test_the_error_rate_is_not_had_by_never_promoting() -> None:
    assert promotion_rate(passing_at(0.5, 0.5), count=VERDICT_PAIRS) > 0.01


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_choosing_the_best_of_five_on_other_inputs_makes_no_error_more_likely(rate: float) -> None:
    """Candidates as good as the incumbent, each in its way; the luckiest one is judged."""
    chance = random.Random(SEED)
    candidates = [
        passing_at(rate, rate, alike=alike, noise=noise)
        for alike, noise in ((0.0, 0.0), (0.3, 0.0), (0.0, 0.2), (0.3, 0.2), (0.7, 0.1))
    ]
    promoted = 0
    for _ in range(HEALS):
        gained = [sum(draw(chance).gain for _ in range(CHOOSING_PAIRS)) for draw in candidates]
        chosen = candidates[gained.index(max(gained))]
        promoted += decide([chosen(chance) for _ in range(VERDICT_PAIRS)]).promote
    assert promoted / HEALS <= MOST_FALSE_PROMOTIONS


@pytest.mark.parametrize(
    ("win", "loss"),
    [
        pytest.param(0.03, 0.5, id="tiny-wins"),
        pytest.param(0.1, 0.5, id="small-wins"),
        pytest.param(0.2, 0.5, id="fair-wins"),
        pytest.param(0.05, 0.2, id="small-wins-and-fair-losses"),
    ],
)
@pytest.mark.parametrize("worse_by", [0.0, 0.01], ids=["as-good", "worse"])
def test_many_small_wins_do_not_outweigh_rare_great_losses(
    win: float, loss: float, worse_by: float
) -> None:
    """The mean says how good a prompt is, however many of the inputs it wins.

    Up to half a point: what goes beyond that counts as half a point, won or lost.
    """
    rate = win / (win + loss) + worse_by / (win + loss)

    def draw(chance: random.Random) -> PairedScore:
        difference = -loss if chance.random() < rate else win
        return scored(incumbent=0.7, candidate=0.7 + difference)

    assert promotion_rate(draw, count=VERDICT_PAIRS) <= MOST_FALSE_PROMOTIONS


@pytest.mark.parametrize(
    ("incumbent", "candidate", "count", "least"),
    [
        pytest.param(0.0, 1.0, 8, 1.0, id="0-to-1-within-8"),
        pytest.param(0.0, 0.4, 24, 0.93, id="0-to-0.4-within-24"),
        pytest.param(0.05, 0.4, 40, 0.90, id="0.05-to-0.4-within-40"),
        pytest.param(0.05, 0.8, 12, 0.90, id="0.05-to-0.8-within-12"),
    ],
)
def test_a_clear_gain_is_seen(incumbent: float, candidate: float, count: int, least: float) -> None:
    assert promotion_rate(passing_at(incumbent, candidate), count=count) >= least


def test_a_candidate_that_is_far_worse_is_dropped_within_eight_pairs() -> None:
    draw = passing_at(1.0, 0.0)
    chance = random.Random(SEED)
    worse = [draw(chance) for _ in range(8)]
    assert decide(worse, pairs_left=VERDICT_PAIRS - 8).reason == NOT_BETTER


# The label.


@pytest.mark.parametrize(
    ("against_nothing", "label"),
    [
        pytest.param([], UNLABELLED, id="no-control"),
        pytest.param([0.0] * 8, RESET, id="no-better-than-nothing"),
        pytest.param([-0.5] * 8, RESET, id="worse-than-nothing"),
        pytest.param([0.5] * 4, RESET, id="not-shown-to-be-better"),
        pytest.param([0.5] * 8, LEARNED, id="better-than-nothing"),
    ],
)
def test_a_repair_is_labelled_by_what_no_prompt_at_all_does(
    against_nothing: list[float], label: str
) -> None:
    assert label_repair(pairs(*against_nothing)) == label
