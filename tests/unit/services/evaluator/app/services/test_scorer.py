"""The score: its formula, its bounds, its cap and its line to pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.app.services.scorer import (
    FAILURE_CAP,
    PASS_THRESHOLD,
    combine_scores,
    reach_verdict,
)

PART = st.floats(min_value=0, max_value=1)
OUTSIDE = [float("nan"), float("inf"), float("-inf"), -0.1, 1.1, 8]


@pytest.mark.parametrize(
    ("rule", "judge", "score"),
    [
        pytest.param(0, 0, 0, id="nothing"),
        pytest.param(1, 1, 1, id="everything"),
        pytest.param(1, 0, 0.4, id="rules-alone"),
        pytest.param(0, 1, 0.6, id="judge-alone"),
        pytest.param(0.5, 0.75, 0.65, id="between"),
    ],
)
def test_rules_weigh_40_percent_and_the_judge_60(rule: float, judge: float, score: float) -> None:
    assert combine_scores(rule, judge) == pytest.approx(score, abs=1e-12)


@given(PART, PART)
def test_the_score_is_the_formula_to_the_last_bit(rule: float, judge: float) -> None:
    assert combine_scores(rule, judge) == rule * 0.4 + judge * 0.6
    assert reach_verdict(rule, judge, demonstrably_fails=False).score == rule * 0.4 + judge * 0.6


@given(PART, PART)
def test_the_score_lies_between_its_parts(rule: float, judge: float) -> None:
    score = combine_scores(rule, judge)
    assert 0 <= score <= 1
    assert min(rule, judge) - 1e-12 <= score <= max(rule, judge) + 1e-12


@given(PART, PART, PART, PART, st.booleans())
def test_better_parts_never_make_a_worse_score(
    rule: float, judge: float, better_rule: float, better_judge: float, fails: bool
) -> None:
    worse = reach_verdict(
        min(rule, better_rule), min(judge, better_judge), demonstrably_fails=fails
    )
    better = reach_verdict(
        max(rule, better_rule), max(judge, better_judge), demonstrably_fails=fails
    )
    assert worse.score <= better.score
    assert worse.passed <= better.passed


@given(PART, PART)
def test_what_demonstrably_fails_never_passes_however_well_it_is_judged(
    rule: float, judge: float
) -> None:
    verdict = reach_verdict(rule, judge, demonstrably_fails=True)
    assert verdict.score <= FAILURE_CAP < 0.5
    assert not verdict.passed
    assert verdict.capped
    assert (verdict.rule, verdict.judge) == (min(rule, 0.4), min(judge, 0.4))


@given(PART, PART)
def test_the_cap_changes_nothing_else(rule: float, judge: float) -> None:
    verdict = reach_verdict(rule, judge, demonstrably_fails=False)
    assert (verdict.rule, verdict.judge, verdict.capped) == (rule, judge, False)


@pytest.mark.parametrize("value", OUTSIDE)
@pytest.mark.parametrize("fails", [False, True], ids=["sound", "demonstrably-fails"])
def test_a_part_outside_the_unit_range_is_refused(value: float, fails: bool) -> None:
    with pytest.raises(ValueError, match="rule must be in"):
        reach_verdict(value, 1, demonstrably_fails=fails)
    with pytest.raises(ValueError, match="judge must be in"):
        reach_verdict(1, value, demonstrably_fails=fails)


@pytest.mark.parametrize("value", OUTSIDE)
def test_combining_refuses_a_part_outside_the_unit_range(value: float) -> None:
    with pytest.raises(ValueError, match="rule must be in"):
        combine_scores(value, 0.5)
    with pytest.raises(ValueError, match="judge must be in"):
        combine_scores(0.5, value)


@pytest.mark.parametrize(
    ("rule", "judge", "passed"),
    [
        pytest.param(0.7, 0.7, True, id="at-the-line"),
        pytest.param(1, 0.5, True, id="at-the-line-by-the-judge"),
        pytest.param(0.25, 1, True, id="at-the-line-by-the-rules"),
        pytest.param(0.85, 0.6, True, id="at-the-line-by-both"),
        pytest.param(0.7 - 1e-12, 0.7 - 1e-12, True, id="at-the-line-but-for-rounding"),
        pytest.param(0.7, 0.7 - 1e-6, False, id="just-below"),
        pytest.param(0.7, 0.7 + 1e-6, True, id="just-above"),
        pytest.param(0.69, 0.69, False, id="below"),
    ],
)
def test_the_line_to_pass_is_0_7(rule: float, judge: float, passed: bool) -> None:
    assert reach_verdict(rule, judge, demonstrably_fails=False).passed is passed


@given(st.integers(0, 400))
def test_what_is_0_7_in_decimals_passes_in_floats(steps: int) -> None:
    """Parts with 0.4 r + 0.6 j = 0.7 exactly; floats miss 0.7 by some units in the last place."""
    rule = steps / 400
    judge = (PASS_THRESHOLD - 0.4 * rule) / 0.6
    if judge <= 1:
        assert reach_verdict(rule, judge, demonstrably_fails=False).passed
