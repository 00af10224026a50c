"""The gate: the sign test, the decision table, and what may never be promoted."""

import random
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.optimizer.app.services.promotion import (
    SIGNIFICANCE_LEVEL,
    PairedScore,
    can_decide,
    decide,
    sign_test,
)

SCORE = st.floats(0, 1)
PAIRS = st.lists(st.builds(PairedScore, st.text(max_size=3), SCORE, SCORE), max_size=30)
SEED = 20_260_101
TRIALS = 2_000


def pairs(*differences: float) -> list[PairedScore]:
    return [
        PairedScore(str(number), 0.5, 0.5 + difference)
        for number, difference in enumerate(differences)
    ]


@pytest.mark.parametrize(
    ("wins", "losses", "p_value"),
    [
        pytest.param(0, 0, 1, id="no-pairs"),
        pytest.param(1, 0, 1 / 2, id="one"),
        pytest.param(0, 1, 1, id="one-loss"),
        pytest.param(4, 0, 1 / 16, id="four"),
        pytest.param(5, 0, 1 / 32, id="five"),
        pytest.param(7, 1, 9 / 256, id="seven-of-eight"),
        pytest.param(6, 2, 37 / 256, id="six-of-eight"),
        pytest.param(9, 1, 11 / 1024, id="nine-of-ten"),
        pytest.param(8, 2, 56 / 1024, id="eight-of-ten"),
        pytest.param(5, 5, 638 / 1024, id="even"),
        pytest.param(0, 10, 1, id="all-losses"),
    ],
)
def test_the_sign_test_is_the_binomial_tail(wins: int, losses: int, p_value: float) -> None:
    assert sign_test(wins, losses) == pytest.approx(p_value, rel=1e-12)


@given(st.integers(0, 200), st.integers(0, 200))
def test_the_sign_test_is_a_probability_that_falls_with_wins(wins: int, losses: int) -> None:
    assert 0 < sign_test(wins, losses) <= 1
    assert sign_test(wins + 1, losses) <= sign_test(wins, losses) <= sign_test(wins, losses + 1)


@given(st.integers(0, 100), st.integers(0, 100))
def test_both_tails_share_only_the_result_itself(wins: int, losses: int) -> None:
    """P(X >= w) + P(X >= l) = 1 + P(X = w), by the symmetry of even odds."""
    itself = sign_test(wins, losses) - (sign_test(wins + 1, losses - 1) if losses else 0)
    assert sign_test(wins, losses) + sign_test(losses, wins) == pytest.approx(1 + itself)


@pytest.mark.parametrize(
    ("differences", "reason", "wins", "losses"),
    [
        pytest.param([], "no_replay_succeeded", 0, 0, id="no-pairs"),
        pytest.param([0.4] * 5, "better", 5, 0, id="five-wins"),
        pytest.param([0.4] * 4, "no_significant_gain", 4, 0, id="four-wins"),
        pytest.param([0.4] * 7 + [-0.4], "better", 7, 1, id="seven-to-one"),
        pytest.param([0.4] * 6 + [-0.4] * 2, "no_significant_gain", 6, 2, id="six-to-two"),
        pytest.param([0.4] * 8 + [-0.4] * 2, "no_significant_gain", 8, 2, id="eight-to-two"),
        pytest.param([0.4] * 9 + [-0.4], "better", 9, 1, id="nine-to-one"),
        pytest.param([0.0] * 20, "not_better", 0, 0, id="all-ties"),
        pytest.param([0.4] * 5 + [0.0] * 9, "better", 5, 0, id="ties-say-nothing"),
        pytest.param([0.01] * 20, "no_significant_gain", 0, 0, id="gains-within-the-margin"),
        pytest.param([-0.4] * 8, "not_better", 0, 8, id="worse"),
        pytest.param(
            [0.03] * 9 + [-0.5], "not_better", 9, 1, id="many-small-wins-and-one-great-loss"
        ),
    ],
)
def test_the_decision(differences: list[float], reason: str, wins: int, losses: int) -> None:
    decision = decide(pairs(*differences))
    assert (decision.reason, decision.wins, decision.losses) == (reason, wins, losses)
    assert decision.promote == (reason == "better")


@pytest.mark.parametrize("count", range(12))
def test_pairs_can_decide_exactly_when_all_wins_would_be_promoted(count: int) -> None:
    assert can_decide(count) == decide(pairs(*[0.4] * count)).promote


@pytest.mark.parametrize(
    ("incumbent", "candidate", "sign"),
    [
        pytest.param(0.5, 0.6, 1, id="better"),
        pytest.param(0.6, 0.5, -1, id="worse"),
        pytest.param(0.5, 0.5, 0, id="equal"),
        pytest.param(0.5, 0.515, 0, id="within-the-margin"),
        pytest.param(0.5, 0.53, 1, id="beyond-the-margin"),
    ],
)
def test_the_sign_of_a_pair(incumbent: float, candidate: float, sign: int) -> None:
    assert PairedScore("x", incumbent, candidate).sign == sign
    assert PairedScore("x", candidate, incumbent).sign == -sign


@given(PAIRS)
def test_nothing_is_promoted_without_a_better_mean_and_a_significant_gain(
    scored: list[PairedScore],
) -> None:
    decision = decide(scored)
    if decision.promote:
        assert decision.candidate_mean > decision.incumbent_mean
        assert decision.improvement_pct > 0
        assert decision.p_value <= SIGNIFICANCE_LEVEL
        assert decision.wins >= 5
    assert decision.wins + decision.losses <= len(scored)


@given(PAIRS)
def test_a_promoted_candidate_would_not_be_replaced_by_the_incumbent(
    scored: list[PairedScore],
) -> None:
    mirrored = [PairedScore(pair.input_id, pair.candidate, pair.incumbent) for pair in scored]
    assert not (decide(scored).promote and decide(mirrored).promote)


def test_the_improvement_is_in_percentage_points() -> None:
    assert decide(pairs(0.2, 0.3)).improvement_pct == pytest.approx(25)


@pytest.mark.parametrize("inputs", [5, 8, 10, 16])
def test_of_two_equally_good_prompts_few_are_promoted(inputs: int) -> None:
    """Under a true tie, at most 5 % plus three standard errors of the simulation."""
    chance = random.Random(SEED)
    promoted = 0
    for _ in range(TRIALS):
        scores = [(chance.random(), chance.random()) for _ in range(inputs)]
        promoted += decide([PairedScore("x", *pair) for pair in scores]).promote
    allowed = SIGNIFICANCE_LEVEL + 3 * sqrt(SIGNIFICANCE_LEVEL * (1 - SIGNIFICANCE_LEVEL) / TRIALS)
    assert 0 < promoted / TRIALS <= allowed


def test_a_prompt_that_is_far_better_is_promoted_nearly_always() -> None:
    chance = random.Random(SEED)
    promoted = 0
    for _ in range(TRIALS):
        scores = [(chance.uniform(0.2, 0.5), chance.uniform(0.45, 0.9)) for _ in range(10)]
        promoted += decide([PairedScore("x", *pair) for pair in scores]).promote
    assert promoted / TRIALS > 0.95
