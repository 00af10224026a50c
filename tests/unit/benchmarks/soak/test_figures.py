import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.open_load import Outcome, Sent
from benchmarks.soak.figures import (
    Serving,
    count_outcomes,
    fit_slope,
    judge_deploy,
    reckon_growth,
    split_lives,
)

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
MINUTE = 60.0


def live(value: Callable[[float], float], *, minutes: int = 20) -> list[tuple[float, float]]:
    return [(MINUTE * number, value(MINUTE * number)) for number in range(minutes)]


def test_a_slope_is_that_of_a_straight_line_whatever_each_life_begins_with() -> None:
    lives = [live(lambda at, base=base: base + at * 5 / 3600) for base in (80.0, 120.0, 90.0)]
    slope = fit_slope(lives)
    assert slope.per_hour == pytest.approx(5)
    assert (slope.low, slope.high) == (pytest.approx(5), pytest.approx(5))
    assert (slope.points, slope.lives) == (60, 3)


def test_an_outlier_hardly_moves_a_slope() -> None:
    points = live(lambda _at: 100.0)
    points[-1] = (points[-1][0], 1e6)
    assert fit_slope([points]).per_hour == 0


def test_the_interval_holds_the_slope_as_often_as_it_says() -> None:
    number = random.Random(18)
    held = 0
    for _ in range(200):
        lives = [live(lambda at: at * 8 / 3600 + number.gauss(0, 1), minutes=12) for _ in range(3)]
        slope = fit_slope(lives)
        assert slope.low is not None
        assert slope.high is not None
        held += slope.low <= 8 <= slope.high
    assert held >= 180


@pytest.mark.parametrize("lives", [[], [[]], [[(0.0, 1.0)]], [[(0.0, 1.0)], [(9.0, 2.0)]]])
def test_lives_without_two_points_have_no_slope(lives: list[list[tuple[float, float]]]) -> None:
    assert fit_slope(lives).per_hour is None


def test_lives_are_split_without_their_warm_up_and_thinned() -> None:
    samples = [
        {"at": at, "life": life, "age": age, "memory_mb": memory}
        for at, life, age, memory in [
            (0, 1, 1, 10), (10, 1, 11, 20), (20, 1, 21, 21), (29, 1, 30, 29), (40, 1, 41, 22),
            (50, 2, 1, 10), (60, 2, 11, 30),
        ]
    ]  # fmt: skip
    lives = split_lives(samples, "memory_mb", warm_up=10, block=20)
    assert lives == [[(10, 20), (24.5, 25), (40, 22)], [(60, 30)]]


def test_growth_is_reckoned_from_the_first_third() -> None:
    sizes = [(0, 0, 0), (30, 3_000_000, 100), (60, 5_000_000, 200), (90, 9_000_000, 300)]
    growth = reckon_growth(sizes)
    assert growth is not None
    assert (growth.bytes_a_request, growth.reckoned_mb, growth.grown_mb) == (30_000, 6, 6)


@pytest.mark.parametrize("sizes", [[], [(0.0, 0, 0)], [(0.0, 0, 7), (9.0, 9, 7)]])
def test_without_requests_nothing_is_reckoned(sizes: list[tuple[float, int, int]]) -> None:
    assert reckon_growth(sizes) is None


def serving(prompt_id: int, at: float, passed: int, scored: int = 20) -> Serving:
    return Serving(prompt_id, NOON + timedelta(seconds=at), scored, passed)


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        ([serving(3, 70, 20)], 70),
        # Another bad deploy follows.
        ([serving(3, 70, 20), serving(4, 600, 0)], 70),
        # The first repair was no good.
        ([serving(3, 70, 5), serving(5, 200, 19)], 200),
        ([serving(3, 70, 20), serving(5, 200, 5)], None),
        ([serving(3, 70, 17)], None),
        ([serving(3, 70, 9, scored=9)], None),
        # What serves after the next deploy heals that one.
        ([serving(4, 600, 0), serving(5, 660, 20)], None),
        ([serving(3, 70, 20), serving(2, 90, 20)], None),
        ([], None),
    ],
)
def test_a_deploy_is_healed_where_what_serves_last_passes(
    after: list[Serving], seconds: float | None
) -> None:
    served = [serving(1, -600, 20), serving(2, 0, 1), *after]
    told = judge_deploy(served, 2, [2, 4])
    assert told["bad_share"] == 0.05
    assert told["healed_seconds"] == seconds


def test_a_deploy_that_never_served_is_not_healed() -> None:
    assert judge_deploy([serving(1, 0, 20)], 2, [2])["healed_seconds"] is None


def test_requests_are_told_apart_by_whether_something_was_restarted() -> None:
    def refuse(due: float, ended: float, code: str, outcome: Outcome = "refused") -> Sent:
        return Sent("door", due_at=due, ended_at=ended, code=code, outcome=outcome)

    sent = [
        refuse(5, 12, "a"), refuse(15, 16, "a"), refuse(19, 30, "b"), refuse(5, 9, "a"),
        refuse(21, 22, "c"), refuse(15, 16, "x", outcome="acknowledged"),
    ]  # fmt: skip
    assert count_outcomes(sent, "refused", [(10, 20)]) == ({"a": 2, "b": 1}, {"a": 1, "c": 1})
    assert count_outcomes(sent, "broken", [(10, 20)]) == ({}, {})
