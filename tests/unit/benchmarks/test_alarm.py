"""The trigger's benchmark measures what the survey's analysis says."""

import random

from benchmarks.alarm import (
    FAIL,
    PASS,
    Healthy,
    alarms,
    count_before,
    draw,
    follow_health,
    measure_delay,
)
from services.common.record.surprise import Record


def test_healthy_answers_hardly_alarm_and_straight_failures_do_at_once() -> None:
    chance = random.Random(17)
    healthy = follow_health(0.05, 2_000, 5_000, chance)
    assert (healthy.alarms, healthy.answers) == (0, 5_000)
    assert measure_delay(0.05, 1.0, 2_000, chance) <= 6


def test_the_trigger_before_alarmed_all_day() -> None:
    looks, anew = count_before(0.05, 5, random.Random(17))
    assert looks > anew > 1


def test_the_bound_of_no_alarm_is_three_in_so_many_answers() -> None:
    assert round(Healthy(0, 300).upper_rate, 4) == 0.01


def test_a_look_is_the_survey_s() -> None:
    earlier = draw(0.05, 2_000, random.Random(17))
    assert alarms([FAIL] * 3, None, Record(200, 190))
    assert not alarms([FAIL] * 2, None, Record(200, 190))
    assert not alarms([FAIL] * 3, earlier)
    assert alarms([PASS] * 10 + [FAIL] * 6, earlier)
