"""Damage among guards: a comparison under noise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.optimizer.app.services.proof.damage import (
    ENOUGH_TO_CLEAR,
    NOISE_LEVEL,
    Damage,
    assess_damage,
    chance_of_failures,
)


def damage(
    guards: int, *, broken: int, mended: int = 0, both_fail: int = 0, allowed: int = 1
) -> Damage:
    """Assess guards of which so many newly fail, newly pass and fail under both prompts."""
    marks = ["+-"] * broken + ["-+"] * mended + ["--"] * both_fail
    marks += ["++"] * (guards - len(marks))
    incumbent = {str(number): mark[0] == "+" for number, mark in enumerate(marks)}
    candidate = {str(number): mark[1] == "+" for number, mark in enumerate(marks)}
    return assess_damage(incumbent, candidate, max_newly_failing=allowed)


@pytest.mark.parametrize(
    ("incumbent", "candidate", "newly_failing"),
    [
        pytest.param({}, {}, (), id="no-guards"),
        pytest.param({}, {"a": True, "b": True}, (), id="all-pass"),
        pytest.param({"a": True}, {"a": False, "b": True}, ("a",), id="one-is-broken"),
        pytest.param({"a": False}, {"a": False}, (), id="failed-before-too"),
        pytest.param({}, {"a": False}, ("a",), id="unknown-counts-as-passing"),
    ],
)
def test_newly_failing_is_what_passes_now_and_would_not(
    incumbent: dict[str, bool], candidate: dict[str, bool], newly_failing: tuple[str, ...]
) -> None:
    found = assess_damage(incumbent, candidate, max_newly_failing=1)
    assert found.newly_failing == newly_failing
    assert found.checked == len(candidate)
    assert found.candidate_fails == list(candidate.values()).count(False)
    assert found.incumbent_fails == list(incumbent.values()).count(False)


@pytest.mark.parametrize(
    ("guards", "broken", "allowed", "bearable"),
    [
        pytest.param(0, 0, 1, True, id="no-guards"),
        pytest.param(1, 1, 1, False, id="one-of-one"),
        pytest.param(2, 1, 1, False, id="one-of-two"),
        pytest.param(3, 1, 1, True, id="one-of-three-may-be-noise"),
        pytest.param(3, 2, 1, False, id="two-of-three"),
        pytest.param(4, 2, 1, False, id="two-of-few"),
        pytest.param(10, 1, 1, True, id="one-of-ten"),
        pytest.param(10, 2, 1, False, id="two-of-ten"),
        pytest.param(19, 2, 1, False, id="two-of-nineteen"),
        pytest.param(20, 2, 1, True, id="two-of-twenty"),
        pytest.param(20, 3, 1, False, id="three-of-twenty"),
        pytest.param(10, 2, 2, True, id="two-of-ten-where-two-may"),
        pytest.param(10, 3, 2, False, id="three-of-ten-where-two-may"),
        pytest.param(10, 1, 0, False, id="none-is-borne"),
    ],
)
def test_so_much_damage_of_a_model_without_noise_is_borne(
    *, guards: int, broken: int, allowed: int, bearable: bool
) -> None:
    assert damage(guards, broken=broken, allowed=allowed).is_bearable is bearable


@pytest.mark.parametrize(
    ("found", "bearable"),
    [
        pytest.param(damage(10, broken=2, both_fail=4), True, id="every-answer-is-half-luck"),
        pytest.param(damage(10, broken=3, mended=3), True, id="as-many-are-mended"),
        pytest.param(damage(10, broken=2, mended=1), True, id="net-of-what-is-mended"),
        pytest.param(damage(10, broken=4, mended=1), False, id="far-more-than-is-mended"),
        pytest.param(damage(40, broken=14, mended=2, both_fail=2), False, id="thirty-percent"),
        pytest.param(damage(2, broken=1, mended=1), True, id="noise-explains-one-of-two"),
        pytest.param(damage(10, broken=2, both_fail=8, allowed=0), False, id="none-may-at-all"),
    ],
)
def test_noise_is_told_by_what_the_incumbent_fails(*, found: Damage, bearable: bool) -> None:
    assert found.is_bearable is bearable


@pytest.mark.parametrize(
    ("found", "settled"),
    [
        pytest.param(damage(10, broken=0, both_fail=3), True, id="nothing-newly-fails"),
        pytest.param(damage(10, broken=1), False, id="one-of-ten-may-hide-three-of-ten"),
        pytest.param(damage(ENOUGH_TO_CLEAR, broken=1), True, id="enough-guards-clear"),
        pytest.param(damage(ENOUGH_TO_CLEAR - 1, broken=1), False, id="one-fewer-do-not"),
        pytest.param(damage(10, broken=2), False, id="two-of-ten-may-be-noise"),
        pytest.param(damage(10, broken=5), True, id="half-of-them-broken"),
        pytest.param(damage(10, broken=2, mended=3), True, id="clearly-noise"),
        pytest.param(damage(10, broken=1, allowed=0), True, id="none-may"),
    ],
)
def test_more_guards_are_asked_while_it_can_not_be_told(*, found: Damage, settled: bool) -> None:
    assert found.is_settled is settled


COUNTS = st.integers(0, 40)


@given(COUNTS, COUNTS, COUNTS)
def test_more_failures_are_less_likely_noise(guards: int, one: int, other: int) -> None:
    fewer, more = sorted((min(one, guards), min(other, guards)))
    mine = chance_of_failures(more, guards // 3, guards)
    assert 0 < mine <= chance_of_failures(fewer, guards // 3, guards) <= 1


@given(COUNTS, COUNTS, COUNTS)
def test_an_incumbent_that_fails_more_explains_more(guards: int, one: int, other: int) -> None:
    fewer, more = sorted((min(one, guards), min(other, guards)))
    failures = guards // 2
    assert chance_of_failures(failures, more, guards) >= chance_of_failures(
        failures, fewer, guards
    ) * (1 - 1e-9)


@given(COUNTS, COUNTS)
def test_a_candidate_that_fails_no_more_than_the_incumbent_is_always_borne(
    guards: int, broken: int
) -> None:
    broken = min(broken, guards // 2)
    assert damage(guards, broken=broken, mended=broken).is_bearable


def test_the_chance_is_a_posterior_predictive_one() -> None:
    """Of a guard that nobody was seen to fail: (0.9 x 0.2/11 x 0.98 + 0.1 x 1/6) / evidence."""
    steady, unsteady = 0.9 * 9.8 / 10, 0.1 / 2
    expected = (steady * 0.2 / 11 + unsteady / 3) / (steady + unsteady)
    assert chance_of_failures(1, 0, 1) == pytest.approx(expected)
    assert expected < NOISE_LEVEL
