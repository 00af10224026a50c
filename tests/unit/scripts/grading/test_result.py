import json

import pytest
from grading.result import (
    FULL_MARKS,
    WEIGHTS,
    Code,
    Deduction,
    Dimension,
    DimensionScore,
    Hint,
    Report,
    Target,
    grade_of,
)
from hypothesis import given
from hypothesis import strategies as st

TARGET = Target("http://m", "http://w", "http://e", "agent@db:5432/agent_system", "true")


def make_report(*dimensions: DimensionScore) -> Report:
    return Report("1.0", "2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00", TARGET, {},
                  dimensions)  # fmt: skip


def take(points: float) -> Deduction:
    return Deduction(Code.SLOW, points, {"mean_ms": 1}, Hint.FASTER)


def test_the_weights_are_the_guides() -> None:
    assert {name.value: weight for name, weight in WEIGHTS.items()} == {
        "e2e": 20,
        "evaluation": 15,
        "healing": 30,
        "performance": 10,
        "errors": 10,
        "observability": 15,
    }
    assert sum(WEIGHTS.values()) == FULL_MARKS


@pytest.mark.parametrize(
    ("score", "letter"),
    [(100, "A"), (90, "A"), (89.9, "B"), (80, "B"), (79.9, "C"), (70, "C"), (69.9, "D"),
     (60, "D"), (59.9, "F"), (0, "F")],
)  # fmt: skip
def test_the_letters_are_the_guides(score: float, letter: str) -> None:
    assert grade_of(score) == letter


@given(st.sampled_from(Dimension), st.lists(st.floats(0.1, 50), max_size=5))
def test_points_stay_between_nothing_and_the_weight(name: Dimension, taken: list[float]) -> None:
    score = DimensionScore(name, tuple(take(points) for points in taken))
    assert 0 <= score.points <= score.max_points
    assert (score.points == score.max_points) is (not taken)


def test_the_report_is_json_with_what_is_derived() -> None:
    dimensions = [DimensionScore(name) for name in Dimension if name is not Dimension.PERFORMANCE]
    report = make_report(*dimensions, DimensionScore(Dimension.PERFORMANCE, (take(2.5),)))
    content = json.loads(json.dumps(report.to_json()))
    assert (content["score"], content["grade"]) == (97.5, "A")
    performance = content["dimensions"][-1]
    assert (performance["name"], performance["points"], performance["max_points"]) == (
        "performance",
        7.5,
        10,
    )
    assert performance["deductions"] == [
        {"code": "slow", "points": 2.5, "facts": {"mean_ms": 1}, "hint": "faster"}
    ]
