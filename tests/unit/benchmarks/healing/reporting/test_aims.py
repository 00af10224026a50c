from collections.abc import Callable

import pytest

from benchmarks.healing.inputs import LOCAL, SIMULATED
from benchmarks.healing.records import RunRecord
from benchmarks.healing.reporting.aims import Aim, aim_of_rate, judge_aims
from benchmarks.healing.reporting.figures import summarise
from benchmarks.healing.reporting.intervals import Rate
from benchmarks.healing.schedule import WITHOUT_HISTORY

MakeRecord = Callable[..., RunRecord]
HEALED = {"promoting": 0, "calls": [40], "heal_seconds": [2.0], "after": 0.9}


@pytest.mark.parametrize(
    ("aim", "reached"),
    [
        (Aim("a", 0.9, 0.9, at_least=True), True),
        (Aim("a", 0.89, 0.9, at_least=True), False),
        (Aim("a", 30, 30), True),
        (Aim("a", 31, 30), False),
        (Aim("a", None, 30), None),
    ],
)
def test_an_aim_is_reached_at_its_limit(aim: Aim, reached: bool | None) -> None:
    assert aim.reached is reached


def test_the_local_model_has_aims_of_its_own(make_record: MakeRecord) -> None:
    figures = summarise([make_record(seconds_to_serving=10.0, **HEALED)])
    reached = {
        model: [aim.reached for aim in judge_aims(figures, model)] for model in (SIMULATED, LOCAL)
    }
    assert reached[SIMULATED] == [True, None, None, None, False, True, False]
    assert reached[LOCAL] == [True, None, None, None, True, True, True]
    without = judge_aims(summarise([make_record(mode=WITHOUT_HISTORY)]), LOCAL)[1]
    assert (without.rate, without.limit, without.is_refuted) == (Rate(0, 1), None, False)


def test_what_must_never_happen_is_essential(make_record: MakeRecord) -> None:
    records = [
        make_record(),
        make_record(mode=WITHOUT_HISTORY),
        make_record(group="control", verdicts=(), outlived_watch=True, **(HEALED | {"after": 0.3})),
    ]
    aims = judge_aims(summarise(records), SIMULATED)
    assert [aim.reached for aim in aims if aim.is_essential] == [False, False, False]


@pytest.mark.parametrize(
    ("rate", "at_least", "refuted"),
    [
        (Rate(2, 25), False, False),
        (Rate(20, 25), False, True),
        (Rate(8, 12), True, False),
        (Rate(1, 40), True, True),
        (Rate(0, 0), True, False),
    ],
)
def test_an_aim_is_refuted_where_chance_is_no_excuse(
    rate: Rate, at_least: bool, refuted: bool
) -> None:
    limit = 0.85 if at_least else 0.05
    assert aim_of_rate("a", rate, limit, "", at_least=at_least).is_refuted is refuted


def test_what_never_happened_refutes_no_aim_of_never() -> None:
    assert not aim_of_rate("a", Rate(0, 3), 0, "").is_refuted
    assert aim_of_rate("a", Rate(1, 3), 0, "").is_refuted
