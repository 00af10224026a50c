from collections.abc import Callable

import pytest

from benchmarks.healing.records import NaiveResult, RunRecord
from benchmarks.healing.reporting.figures import CONTROLS_AND_FAULTS, Spread, spread_of, summarise
from benchmarks.healing.reporting.intervals import Rate
from benchmarks.healing.schedule import WITH_HISTORY, WITHOUT_HISTORY

MakeRecord = Callable[..., RunRecord]


@pytest.fixture
def records(make_record: MakeRecord) -> list[RunRecord]:
    healed = {"promoting": 0, "looked_into": True, "verdict": "prompt", "after": 0.9}
    return [
        make_record(
            calls=[31], heal_seconds=[2.0], seconds_to_serving=2.5, requests_until_detection=3,
            **healed,
        ),
        make_record(
            mode=WITHOUT_HISTORY, calls=[20, 40], heal_seconds=[1.0, 3.0], seconds_to_serving=9.0,
            requests_until_detection=5, **(healed | {"promoting": 1, "after": 0.6}),
        ),
        make_record(mode=WITHOUT_HISTORY, looked_into=True, verdict="drift", calls=[52],
                    heal_seconds=[4.0]),
        make_record(group="control", scenario="odd", kind="typos", before=0.9, verdicts=(),
                    naive=NaiveResult(True, 0.5)),
        make_record(group="fault", scenario="provider_hang", before=0.9, verdicts=("provider",),
                    looked_into=True, verdict="provider", calls=[0], heal_seconds=[0.0],
                    naive=NaiveResult(False, 0.5)),
        make_record(group="fault", scenario="model_swapped", before=0.6, verdicts=("drift",),
                    looked_into=True, verdict="drift", after=0.5, promoting=0, calls=[30],
                    heal_seconds=[2.0], outlived_watch=True, naive=NaiveResult(True, 0.8)),
        make_record(group="fault", scenario="database_restart", strategy="last_good_version",
                    calls=[30], heal_seconds=[2.0], naive=NaiveResult(True, 0.9), **healed),
    ]  # fmt: skip


def test_recovery_is_told_by_mode(records: list[RunRecord]) -> None:
    recovery = summarise(records).recovery
    assert recovery[WITH_HISTORY].recovered == Rate(1, 1)
    without = recovery[WITHOUT_HISTORY]
    assert without.recovered == Rate(0, 2)
    assert without.detected == Rate(2, 2)
    assert without.attributed == Rate(1, 2)
    assert without.share == Spread(pytest.approx(0.2), 0, pytest.approx(0.4))
    assert without.requests == Spread(5, 5, 5)


def test_a_promotion_is_held_against_no_prompt_at_all(make_record: MakeRecord) -> None:
    healed = {"promoting": 0, "after": 0.8, "calls": [1], "heal_seconds": [1.0]}
    records = [make_record(empty=empty, **healed) for empty in (0.5, 0.795, None)]
    assert summarise(records).recovery[WITH_HISTORY].beats_empty == Rate(1, 2)


def test_what_the_first_heal_recovers_is_told_apart(make_record: MakeRecord) -> None:
    healed = {"after": 0.9, "calls": [30, 40], "heal_seconds": [2.0, 3.0]}
    records = [make_record(promoting=number, **healed) for number in (0, 1)]
    recovery = summarise([*records, make_record()]).recovery[WITH_HISTORY]
    assert (recovery.recovered, recovery.by_first_heal) == (Rate(2, 3), Rate(1, 3))


def test_innocent_prompts_are_told_by_group_and_fault(records: list[RunRecord]) -> None:
    innocent = summarise(records).innocent
    assert innocent[CONTROLS_AND_FAULTS].false_heals == Rate(1, 3)
    assert innocent["controls"].false_heals == Rate(0, 1)
    assert innocent["controls"].naive_false_heals == Rate(1, 1)
    assert innocent["controls"].attributed == Rate(0, 0)
    assert innocent["faults"].naive_false_heals == Rate(0, 2)
    assert innocent["provider_hang"].attributed == Rate(1, 1)


def test_a_fault_that_begins_with_a_bad_prompt_is_told_by_itself_alone(
    records: list[RunRecord],
) -> None:
    innocent = summarise(records).innocent
    assert innocent["database_restart"].changed == Rate(1, 1)
    assert innocent["database_restart"].false_heals == Rate(0, 1)
    assert innocent[CONTROLS_AND_FAULTS].changed == Rate(1, 3)


def test_where_no_repair_was_looked_for_none_could_have_been_false(
    records: list[RunRecord],
) -> None:
    innocent = summarise(records).innocent
    assert innocent["controls"].sought_repair == Rate(0, 1)
    assert innocent["faults"].sought_repair == Rate(1, 2)


def test_recoveries_are_told_by_strategy(make_record: MakeRecord) -> None:
    healed = {"promoting": 0, "after": 0.9, "calls": [30], "heal_seconds": [1.0]}
    figures = summarise(
        [
            make_record(strategy="last_good_version", **healed),
            make_record(strategy="few_shot", mode=WITHOUT_HISTORY, **healed),
            make_record(strategy="few_shot", **(healed | {"after": 0.5})),
            make_record(),
        ]
    )
    assert figures.recovery[WITH_HISTORY].strategies == {"last_good_version": 1}
    assert figures.recovery[WITHOUT_HISTORY].strategies == {"few_shot": 1}


def test_harm_and_cost_are_of_all_runs(records: list[RunRecord]) -> None:
    figures = summarise(records)
    assert figures.harmful == Rate(1, 4)
    assert figures.outlived == Rate(1, 1)
    assert figures.naive_harmful == Rate(1, 6)
    assert figures.calls == Spread(30.5, 30, 40)
    assert figures.most_calls == 52
    assert figures.seconds == Spread(5.75, 2.5, 9.0)
    assert figures.errors == Rate(0, 7)


def test_errors_are_runs_that_ended_badly(make_record: MakeRecord) -> None:
    records = [make_record(error="internal_error"), make_record(active_prompts=2), make_record()]
    assert summarise(records).errors == Rate(2, 3)


def test_figures_of_nothing_are_unknown() -> None:
    figures = summarise([])
    assert figures.outlived == Rate(0, 0)
    assert figures.recovery[WITH_HISTORY].recovered == Rate(0, 0)
    assert figures.seconds == Spread(None, None, None)
    assert figures.most_calls == 0


def test_json_shows_rates_with_their_intervals(records: list[RunRecord]) -> None:
    plain = summarise(records).as_json()
    assert plain["recovery"][WITH_HISTORY]["recovered"]["low"] == pytest.approx(0.2065, abs=1e-4)
    assert plain["calls"] == {"median": 30.5, "least": 30, "most": 40}


def test_a_spread_leaves_out_what_is_unknown() -> None:
    assert spread_of([None, 3, 1, 2]) == Spread(2, 1, 3)
