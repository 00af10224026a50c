import pytest
from grading.dimensions.evaluation import FULL, judge_evaluation
from grading.observations import EvaluationSeen
from grading.result import Code
from hypothesis import given
from hypothesis import strategies as st
from support.observed import REFUSED, evaluation, observations

SCORES = st.floats(0, 1)
HUGE = 10**400  # JSON has integers that no float can hold


def test_a_right_evaluator_loses_nothing() -> None:
    assert judge_evaluation(observations()) == ()


@given(SCORES, SCORES, SCORES)
def test_a_side_is_half_and_each_output_counts_by_its_score(
    first: float, second: float, good: float
) -> None:
    seen = observations(
        bad=(evaluation("one", first), evaluation("two", second)),
        good=((evaluation("spelling", 0.0), evaluation("another", good)),),
    )
    lost = sum(one.points for one in judge_evaluation(seen))
    sides = [(FULL / 4) * (score >= 0.5) for score in (first, second)]
    assert lost == sum(sides) + (FULL / 2) * (good < 0.7)


def test_an_evaluator_that_never_answers_loses_all() -> None:
    silent = EvaluationSeen("x", REFUSED, ())
    (taken,) = judge_evaluation(observations(bad=(silent,), good=((silent, silent),)))
    assert (taken.code, taken.points) == (Code.EVALUATOR_UNREACHABLE, FULL)
    assert taken.facts["seen"] == "connection refused"


@pytest.mark.parametrize("score", ["0.9", 1.5, -0.1, None, True, [0.9], HUGE, float("nan")])
def test_what_is_no_score_costs_its_output(score: object) -> None:
    good = ((evaluation("fenced", score), evaluation("plain", score)),)
    (taken,) = judge_evaluation(observations(good=good))
    assert (taken.code, taken.points) == (Code.SCORE_INVALID, FULL / 2)


def test_the_better_spelling_counts_and_another_may_be_no_score() -> None:
    good = ((evaluation("fenced", "high"), evaluation("plain", 0.7)),)
    assert judge_evaluation(observations(good=good)) == ()


def test_other_fields_cost_a_point_each_however_often() -> None:
    bad = (evaluation("a", 0.1, detail=...), evaluation("b", 0.1, detail="text"))
    (taken,) = judge_evaluation(observations(bad=bad[:1]))
    assert (taken.code, taken.points, taken.facts["field"]) == (Code.FIELD_MISSING, 1, "detail")
    (taken,) = judge_evaluation(observations(bad=bad[1:] * 2))
    assert (taken.code, taken.points) == (Code.FIELD_MISTYPED, 1)


def test_a_verdict_that_the_score_denies_costs_once() -> None:
    bad = (evaluation("a", 0.1, passed=True), evaluation("b", 0.1, passed=True))
    (taken,) = judge_evaluation(observations(bad=bad))
    assert (taken.code, taken.points) == (Code.PASSED_DISAGREES, 2)
    assert (taken.facts["score"], taken.facts["passed"]) == (0.1, True)
