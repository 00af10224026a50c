import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scored_answers import scored

from benchmarks.evaluator.figures import (
    ceiling,
    count_errors,
    find_errors,
    judge_by_form,
    judge_by_kind,
    judge_group,
    measure_times,
    resample_auroc,
    rule_score,
)
from services.evaluator.app.services.oversight.calibration.trust import area_under_roc

MARKS = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.4, 0.7, 0.9, 1.0]), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ([0.9], [0.1], 1.0),
        ([0.1], [0.9], 0.0),
        ([0.5], [0.5], 0.5),
        ([0.9, 0.5], [0.5, 0.1], 0.875),
        ([0.6, 0.2], [0.4], 0.5),
        ([], [0.4], None),
        ([0.4], [], None),
    ],
)
def test_auroc_counts_pairs_and_half_of_ties(
    right: list[float], wrong: list[float], expected: float | None
) -> None:
    assert area_under_roc(right, wrong) == expected


@given(right=MARKS, wrong=MARKS)
def test_auroc_is_its_definition_pair_by_pair(right: list[float], wrong: list[float]) -> None:
    wins = sum((r > w) + 0.5 * (r == w) for r in right for w in wrong)
    assert area_under_roc(right, wrong) == pytest.approx(wins / (len(right) * len(wrong)))


@given(right=MARKS, wrong=MARKS)
def test_auroc_asks_for_the_order_of_marks_only(right: list[float], wrong: list[float]) -> None:
    def raise_marks(marks: list[float]) -> list[float]:
        return [mark**3 + 5 * mark - 2 for mark in marks]

    assert area_under_roc(raise_marks(right), raise_marks(wrong)) == area_under_roc(right, wrong)


@given(right=MARKS, wrong=MARKS)
def test_auroc_of_the_opposite_is_the_rest(right: list[float], wrong: list[float]) -> None:
    assert (area_under_roc(right, wrong) or 0) + (
        area_under_roc(wrong, right) or 0
    ) == pytest.approx(1)


@given(betrayed=st.integers(0, 20), hidden=st.integers(0, 20), right=st.integers(1, 20))
def test_the_ceiling_is_the_auroc_of_judging_by_what_betrays(
    betrayed: int, hidden: int, right: int
) -> None:
    cases = [scored(0.1, right=False, betrayed=True).case] * betrayed
    cases += [scored(0.9, right=False).case] * hidden
    by_betrayal = area_under_roc([0.9] * right, [0.1] * betrayed + [0.9] * hidden)
    if by_betrayal is None:
        assert ceiling(cases) is None
    else:
        assert ceiling(cases) == pytest.approx(by_betrayal)


def test_a_group_is_judged_at_the_threshold() -> None:
    figures = judge_group(
        [
            scored(0.9, right=True),
            scored(0.7, right=True),
            scored(0.69, right=True),
            scored(0.1 + 0.2 + 0.4 - 1e-16, right=True),
            scored(0.8, right=False),
            scored(0.3, right=False, contradicts=True, betrayed=True),
            scored(0.75, right=False, contradicts=True, betrayed=True),
            scored(0.2, right=False),
        ]
    )
    assert (figures.right, figures.wrong, figures.unscored) == (4, 4, 0)
    assert figures.false_fail == 0.25
    assert figures.false_pass == 0.5
    assert figures.accuracy == 0.625
    assert (figures.contradicting, figures.contradicting_passed) == (2, 1)
    assert figures.ceiling == 0.75


def test_unscored_answers_are_counted_apart_and_never_as_zero() -> None:
    known = [scored(0.9, right=True), scored(0.2, right=False)]
    figures = judge_group([*known, scored(None, right=True), scored(None, right=False)])
    assert figures.unscored == 2
    assert (figures.auroc, figures.accuracy) == (1.0, 1.0)
    assert (figures.false_fail, figures.false_pass) == (0.0, 0.0)


def test_a_group_of_nothing_has_no_figures() -> None:
    figures = judge_group([])
    assert (figures.right, figures.wrong) == (0, 0)
    assert figures.auroc is figures.accuracy is figures.false_pass is figures.ceiling is None


def test_rules_alone_are_judged_by_their_own_score() -> None:
    figures = judge_group(
        [
            scored(0.9, right=True, rule_score=0.5),
            scored(0.2, right=False, rule_score=0.8),
        ],
        rule_score,
    )
    assert figures.auroc == 0.0
    assert (figures.false_fail, figures.false_pass) == (1.0, 1.0)


def test_forms_and_kinds_are_judged_apart() -> None:
    results = [
        scored(0.9, right=True, form="examples"),
        scored(0.8, right=True, form="none"),
        scored(0.2, right=False, kind="off by one", form="examples"),
        scored(0.8, right=False, kind="off by one", form="none"),
        scored(None, right=False, kind="wrong return", form="none"),
    ]
    forms = judge_by_form(results)
    assert forms["examples"].auroc == 1.0
    assert forms["none"].auroc == 0.5
    assert forms["one"].auroc is None
    kinds = judge_by_kind(results)
    assert set(kinds) == {"off by one", "wrong return"}
    assert kinds["off by one"]["examples"].false_pass == 0.0
    assert kinds["off by one"]["none"].false_pass == 1.0
    assert kinds["wrong return"]["none"].count == 1
    assert kinds["wrong return"]["none"].false_pass is None


def test_the_interval_holds_the_value_and_is_the_same_every_time() -> None:
    results = [
        scored(mark, right=right, task=f"t{number}")
        for number in range(20)
        for mark, right in ((0.5 + number / 50, True), (0.4 + number / 40, False))
    ]
    low, high = resample_auroc(results)
    value = judge_group(results).auroc
    assert low is not None
    assert high is not None
    assert value is not None
    assert low < value < high
    assert (low, high) == resample_auroc(results)


def test_no_interval_where_there_is_nothing_to_compare() -> None:
    assert resample_auroc([scored(0.9, right=True)]) == (None, None)


def test_times_leave_out_what_ran_into_a_limit() -> None:
    quick = [scored(0.9, right=True, milliseconds=float(ms)) for ms in range(1, 102)]
    stopped = scored(0.3, right=False, milliseconds=3000.0, hit_limit=True)
    times = measure_times(quick[:3], [*quick, stopped])
    assert times.median_alone == 2
    assert times.median == 51
    assert 99 < times.p99 <= 101
    assert (times.stopped, times.evaluations) == (1, 102)


def test_errors_are_wrong_verdicts_and_not_missing_ones() -> None:
    missed = scored(0.8, right=False, kind="off by one", form="none")
    refused = scored(0.3, right=True, form="one")
    fine = [scored(0.9, right=True), scored(0.3, right=False), scored(None, right=True)]
    assert find_errors([missed, *fine, refused]) == [missed, refused]
    assert count_errors([missed, missed, refused]) == {
        ("false fail", "canonical", "one"): 1,
        ("false pass", "off by one", "none"): 2,
    }
