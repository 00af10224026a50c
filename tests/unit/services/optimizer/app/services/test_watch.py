"""Whether a promotion does worse in live traffic: the bet turned round, on answers in pairs."""

import random
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.optimizer.app.services.log_records import LoggedResult
from services.optimizer.app.services.promotion import SIGNIFICANCE_LEVEL
from services.optimizer.app.services.watch import (
    ENOUGH_PAIRS,
    KEPT,
    WATCHING,
    WORSE,
    WatchDecision,
    judge_promotion,
)

SEED = 20_260_101
WATCHES = 2_000


def answer(score: float, asked: str = "x", fingerprint: str = "f") -> LoggedResult:
    return LoggedResult(asked, asked, score, score >= 0.7, fingerprint=fingerprint)


def answers(*scores: float) -> list[LoggedResult]:
    return [answer(score) for score in scores]


GOOD, BAD = 0.9, 0.35


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        pytest.param([], [], WATCHING, id="nothing-logged"),
        pytest.param([GOOD] * 9, [], WATCHING, id="no-answer-yet"),
        pytest.param([], [BAD] * 99, WATCHING, id="nothing-to-compare-with"),
        pytest.param([GOOD] * 9, [BAD] * 4, WATCHING, id="four-that-are-worse"),
        pytest.param([GOOD] * 9, [BAD] * 5, WORSE, id="five-that-are-worse"),
        pytest.param([BAD] * 9, [GOOD] * 4, WATCHING, id="four-that-are-better"),
        pytest.param([BAD] * 9, [GOOD] * 5, KEPT, id="five-that-are-better"),
        pytest.param([GOOD] * 99, [GOOD] * 49, WATCHING, id="as-good-so-far"),
        pytest.param([GOOD] * 99, [GOOD] * ENOUGH_PAIRS, KEPT, id="as-good-for-long-enough"),
        pytest.param([BAD] * 99, [BAD] * ENOUGH_PAIRS, KEPT, id="as-bad-for-long-enough"),
        pytest.param([GOOD] * 4, [BAD] * 99, WATCHING, id="old-answers-are-used-once"),
    ],
)
def test_a_promotion_is_kept_watched_or_worse(
    before: list[float], after: list[float], outcome: str
) -> None:
    assert judge_promotion(answers(*before), answers(*after)).outcome == outcome


def test_the_decision_tells_what_it_rests_on() -> None:
    """The oldest new answer meets the newest old one: 0.7 with 0.8, then 0.3 with 0.6."""
    decision = judge_promotion(answers(0.8, 0.6), answers(0.5, 0.3, 0.7))
    assert decision == WatchDecision(
        WATCHING,
        answers=3,
        before_answers=2,
        pairs=2,
        mean=pytest.approx(0.5),
        before_mean=pytest.approx(0.7),
        e_value=pytest.approx(1.18 * 1.54),
    )


def test_answers_to_one_request_are_compared_with_one_another() -> None:
    """The new version was asked what the old one failed at: that is no sign of harm."""
    before = [answer(GOOD, "easy")] * 6 + [answer(BAD, "hard")] * 6
    after = [answer(BAD, "hard")] * 6
    decision = judge_promotion(before, after)
    assert (decision.pairs, decision.outcome, decision.e_value) == (6, WATCHING, 1)


def test_only_scores_of_the_evaluator_that_judges_now_count() -> None:
    before = [answer(GOOD, fingerprint="old")] * 9
    after = [answer(BAD, fingerprint="new")] * 5
    assert judge_promotion(before, after).before_answers == 0
    assert judge_promotion(before, after).outcome == WATCHING
    stayed = [*after, *[answer(GOOD, fingerprint="old")] * 9]
    assert judge_promotion(before, stayed).answers == 5


def test_a_promotion_that_is_as_good_is_seldom_rolled_back() -> None:
    chance = random.Random(SEED)
    rolled_back = 0
    for _ in range(WATCHES):
        drawn = [GOOD if chance.random() < 0.8 else BAD for _ in range(80)]
        rolled_back += judge_promotion(answers(*drawn[:40]), answers(*drawn[40:])).outcome == WORSE
    allowed = SIGNIFICANCE_LEVEL + 3 * sqrt(SIGNIFICANCE_LEVEL * (1 - SIGNIFICANCE_LEVEL) / WATCHES)
    assert rolled_back / WATCHES <= allowed


RESULTS = st.lists(
    st.builds(answer, st.floats(0, 1), st.sampled_from("abc"), st.sampled_from("fg")), max_size=30
)


@given(RESULTS, RESULTS)
def test_any_traffic_is_judged(before: list[LoggedResult], after: list[LoggedResult]) -> None:
    decision = judge_promotion(before, after)
    assert decision.pairs <= min(len(before), len(after))
    assert decision.e_value >= 1
    assert (decision.outcome == WORSE) == (decision.e_value >= 1 / SIGNIFICANCE_LEVEL)
