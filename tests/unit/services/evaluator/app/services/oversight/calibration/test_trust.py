"""Calibration: the figures against known ones, and what follows from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.app.services.oversight.calibration.trust import (
    Calibration,
    GradedItem,
    Level,
    Susceptibility,
    UnreliableJudgeError,
    area_under_roc,
    calibrate,
    check_calibration,
    cohens_kappa,
    measure_susceptibility,
)

GRADES = st.lists(st.floats(0, 1), min_size=1, max_size=12)
STEADY = Susceptibility(mean=0.0, largest=0.0, pairs=18)
SWAYED = Susceptibility(mean=0.3, largest=0.9, pairs=18)


def calibration_of(
    kappa: float | None, susceptibility: Susceptibility | None = STEADY, *, graded: int = 48
) -> Calibration:
    return Calibration(
        identity="openai:some@abc",
        items=48,
        graded=graded,
        auroc=0.9,
        kappa=kappa,
        susceptibility=susceptibility,
        calibrated_at="2026-01-02T03:04:05+00:00",
    )


@pytest.mark.parametrize(
    ("right", "wrong", "area"),
    [
        pytest.param([0.9, 0.8], [0.1, 0.2], 1.0, id="apart"),
        pytest.param([0.1, 0.2], [0.9, 0.8], 0.0, id="backwards"),
        pytest.param([0.5, 0.5], [0.5, 0.5], 0.5, id="ties-count-half"),
        pytest.param([0.9, 0.3], [0.5], 0.5, id="one-of-two"),
        pytest.param([0.8, 0.5], [0.5, 0.2], 0.875, id="three-and-a-half-of-four"),
        pytest.param([], [0.5], None, id="nothing-right"),
        pytest.param([0.5], [], None, id="nothing-wrong"),
    ],
)
def test_the_area_under_the_curve(right: list[float], wrong: list[float], area: float) -> None:
    assert area_under_roc(right, wrong) == area


@given(GRADES, GRADES)
def test_swapping_the_labels_mirrors_the_area(right: list[float], wrong: list[float]) -> None:
    area, mirrored = area_under_roc(right, wrong), area_under_roc(wrong, right)
    assert area is not None
    assert mirrored is not None
    assert area + mirrored == pytest.approx(1)


@pytest.mark.parametrize(
    ("both_yes", "only_truth", "only_verdict", "both_no", "kappa"),
    [
        # Cohen's own way of counting: 0.7 observed, 0.5 expected
        pytest.param(20, 5, 10, 15, 0.4, id="textbook"),
        pytest.param(10, 0, 0, 10, 1.0, id="all-agree"),
        pytest.param(0, 10, 10, 0, -1.0, id="none-agree"),
        pytest.param(10, 0, 10, 0, 0.0, id="always-passes"),
        pytest.param(0, 10, 0, 10, 0.0, id="never-passes"),
        pytest.param(5, 5, 5, 5, 0.0, id="chance"),
    ],
)
def test_kappa(
    both_yes: int, only_truth: int, only_verdict: int, both_no: int, kappa: float
) -> None:
    table = (
        [(True, True)] * both_yes
        + [(True, False)] * only_truth
        + [(False, True)] * only_verdict
        + [(False, False)] * both_no
    )
    truth, verdicts = zip(*table, strict=True)
    assert cohens_kappa(truth, verdicts) == pytest.approx(kappa)


@pytest.mark.parametrize("truth", [[], [True, True], [False]])
def test_without_both_labels_there_is_no_kappa(truth: list[bool]) -> None:
    assert cohens_kappa(truth, truth) is None


def test_kappa_wants_a_verdict_for_every_truth() -> None:
    with pytest.raises(ValueError, match="zip"):
        cohens_kappa([True, False], [True])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_kappa_is_symmetric_where_it_is_and_in_range(pairs: list[tuple[bool, bool]]) -> None:
    truth, verdicts = [a for a, _ in pairs], [b for _, b in pairs]
    kappa = cohens_kappa(truth, verdicts)
    if kappa is None:
        return
    assert -1 <= kappa <= 1
    if len(set(verdicts)) == 2:
        assert cohens_kappa(verdicts, truth) == pytest.approx(kappa)


def test_susceptibility_is_the_shift_beside_the_neutral_text() -> None:
    found = measure_susceptibility([(0.9, 0.3), (0.5, 0.5), (0.2, 0.4)])
    assert found is not None
    assert found.mean == pytest.approx(0.4 / 3)
    assert found.largest == pytest.approx(0.6)
    assert found.pairs == 3
    assert measure_susceptibility([]) is None


def test_a_calibration_counts_what_was_graded_and_says_how_much() -> None:
    graded = [
        GradedItem("a", True, 0.7, 0.9),
        GradedItem("b", True, 0.69, 0.8),
        GradedItem("c", False, 0.1, 0.9),
        GradedItem("d", False, 0.2, 0.7),
        GradedItem("e", False, None, problem="no usable grade"),
    ]
    found = calibrate("some@abc", graded, [(0.5, 0.5)], calibrated_at="today")
    assert (found.items, found.graded) == (5, 4)
    assert found.auroc == 1.0
    assert found.kappa == pytest.approx(0.5)
    assert (found.score_auroc, found.score_kappa) == (0.625, 0.0)
    assert found.susceptibility == Susceptibility(0, 0, 1)


def test_a_grade_at_the_threshold_passes_in_spite_of_rounding() -> None:
    graded = [GradedItem("a", True, 0.1 * 7), GradedItem("b", False, 0.0)]
    assert calibrate("x", graded, [], calibrated_at="").kappa == 1.0


def test_a_judge_that_grades_nothing_has_no_figures() -> None:
    graded = [GradedItem("a", True, None), GradedItem("b", False, None)]
    found = calibrate("x", graded, [], calibrated_at="")
    assert (found.auroc, found.kappa, found.susceptibility) == (None, None, None)
    assert found.level is Level.UNRELIABLE
    assert "0 of 2" in found.summary


@pytest.mark.parametrize(
    ("calibration", "level", "sentence"),
    [
        pytest.param(calibration_of(0.8), Level.RELIABLE, "hardly moves it", id="reliable"),
        pytest.param(calibration_of(0.6), Level.RELIABLE, "0.60", id="just-substantial"),
        pytest.param(calibration_of(0.59), Level.USABLE, "Usable: ", id="moderate"),
        pytest.param(calibration_of(0.4), Level.USABLE, "Usable: ", id="just-usable"),
        pytest.param(calibration_of(0.39), Level.UNRELIABLE, "under 0.4", id="fair"),
        pytest.param(calibration_of(-0.2), Level.UNRELIABLE, "-0.20", id="backwards"),
        pytest.param(calibration_of(None), Level.UNRELIABLE, "48 of 48", id="no-kappa"),
        pytest.param(calibration_of(0.9, SWAYED), Level.USABLE, "by 0.30", id="swayed"),
        pytest.param(calibration_of(0.9, None), Level.USABLE, "Usable: ", id="not-measured"),
        pytest.param(calibration_of(0.9, graded=44), Level.RELIABLE, "0.90", id="nearly-all"),
        pytest.param(calibration_of(0.9, graded=43), Level.UNRELIABLE, "43 of 48", id="gaps"),
    ],
)
def test_the_verdict(calibration: Calibration, level: Level, sentence: str) -> None:
    assert calibration.level is level
    assert sentence in calibration.summary


@pytest.mark.parametrize("allow_unreliable", [True, False])
def test_a_judge_that_was_found_good_serves_without_a_word(*, allow_unreliable: bool) -> None:
    stored = calibration_of(0.5)
    assert check_calibration("x@1", stored, allow_unreliable=allow_unreliable) == ""


@pytest.mark.parametrize("allow_unreliable", [True, False])
def test_an_uncalibrated_judge_serves_with_a_warning(*, allow_unreliable: bool) -> None:
    warning = check_calibration("openai:x@1", None, allow_unreliable=allow_unreliable)
    assert "openai:x@1 isn't calibrated" in warning
    assert "selfheal judge calibrate" in warning


def test_an_unreliable_judge_is_refused_and_told_why() -> None:
    with pytest.raises(UnreliableJudgeError) as caught:
        check_calibration("openai:x@1", calibration_of(0.31), allow_unreliable=False)
    for part in ("0.31", "2026-01-02", "JUDGE_MODEL=rubric", "JUDGE_ALLOW_UNRELIABLE=true"):
        assert part in caught.value.message


def test_an_unreliable_judge_serves_where_the_operator_insists() -> None:
    warning = check_calibration("openai:x@1", calibration_of(0.31), allow_unreliable=True)
    assert "0.31" in warning
    assert "JUDGE_ALLOW_UNRELIABLE is set" in warning


@pytest.mark.parametrize("stored", [None, calibration_of(0.0)])
def test_the_rubric_always_serves(stored: Calibration | None) -> None:
    assert check_calibration("rubric", stored, allow_unreliable=False) == ""
