import random

import pytest

from benchmarks.gate import (
    HEALS,
    Measured,
    Scenario,
    bound_above,
    measure,
    run_incident,
    run_old_incident,
)

WHOLE = Scenario("0 to 1", 0.0, 1.0, aim=1.0)


async def test_a_whole_repair_is_found_in_the_first_heal() -> None:
    heal, pairs = await run_incident(WHOLE, random.Random(1))
    assert heal == 1
    assert pairs <= 7


async def test_what_loses_every_pair_is_bet_on_once_and_never_again() -> None:
    assert await run_incident(Scenario("1 to 0", 1.0, 0.0), random.Random(1)) == (0, 5)


async def test_golden_inputs_that_were_used_make_no_further_attempt() -> None:
    scenario = Scenario("tie", 1.0, 1.0, golden=12)
    assert (await run_incident(scenario, random.Random(1)))[1] <= 12


def test_the_old_law_begins_anew_in_each_heal_and_so_is_wrong_more_often() -> None:
    generator = random.Random(1)
    tie = Scenario("tie", 0.5, 0.5)
    old = sum(run_old_incident(tie, generator) for _ in range(60)) / 60
    assert old > 0.1


def test_a_measurement_says_whether_it_meets_its_aim() -> None:
    assert measure(WHOLE, incidents=3, seed=1).meets_aim
    tie = Scenario("tie", 0.5, 0.5)
    for promoted, meets in ((40, True), (51, False)):
        assert Measured(tie, 1_000, promoted, 0, 0, 5.0).meets_aim == meets
    assert not Measured(tie, 100, 5, 0, 0, 5.0).meets_aim  # too few incidents to tell


@pytest.mark.parametrize(
    ("times", "of", "bound"),
    # The 95 % point of R's qbeta(0.95, times + 1, of - times).
    [(0, 100, 0.029513), (5, 100, 0.102253), (40, 1_000, 0.051894), (HEALS, HEALS, 1.0)],
)
def test_the_bound_is_clopper_and_pearson_s(times: int, of: int, bound: float) -> None:
    assert bound_above(times, of) == pytest.approx(bound, abs=1e-3)
