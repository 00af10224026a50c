from dataclasses import replace

import pytest
from rich.console import Console

from benchmarks.healing.noisy.figures import judge_aims, summarise
from benchmarks.healing.noisy.plays import HARMFUL, REGRESSION, TIE
from benchmarks.healing.noisy.records import Heal, PlayRecord, Service, Worth, read_play
from benchmarks.healing.noisy.tables import (
    table_of_blame,
    table_of_harm,
    table_of_recovery,
    table_of_ties,
)
from benchmarks.healing.schedule import WITH_HISTORY, WITHOUT_HISTORY

GOOD, SAME, BAD, NOTHING = (Worth(rate, rate, rate) for rate in (0.8, 0.802, 0.4, 0.1))
HELD = Heal("held", "not_better", "prompt", "reflection", GOOD, SAME, passed=False, calls=50)
PASSED = replace(HELD, decision="promoted", reason="better", passed=True)


def record(lane: str = TIE, mode: str = WITH_HISTORY, **changes: object) -> PlayRecord:
    made = PlayRecord(
        lane, "a play", "loose", mode, 0, "unknown", good=GOOD, last_good=GOOD, empty=NOTHING,
        before=GOOD, first=GOOD, after=GOOD, heals=[HELD], naive=SAME,
    )  # fmt: skip
    return replace(made, **changes)


def test_a_promotion_under_a_tie_counts_of_all_decisions_under_one() -> None:
    better = replace(HELD, incumbent=BAD)
    unseen = replace(HELD, candidate=None)
    figures = summarise([record(heals=[HELD, better, unseen, HELD]), record(heals=[PASSED])])
    assert (figures.ties.count, figures.ties.total) == (1, 3)
    assert (figures.tie_incidents.count, figures.tie_incidents.total) == (1, 2)
    assert (figures.no_better.count, figures.no_better.total) == (1, 1)


def test_harm_is_counted_where_it_was_stopped() -> None:
    stopped = replace(HELD, candidate=BAD)
    passed = replace(PASSED, candidate=BAD)
    services = [Service(GOOD, BAD, 61, 40, "watch"), Service(GOOD, BAD, 60, 20, "canary")]
    figures = summarise([record(HARMFUL, heals=[stopped, passed, passed], services=services)])
    harm = figures.harm[HARMFUL]
    assert (harm.judged, harm.by_gate, harm.by_canary, harm.by_watch) == (3, 1, 1, 1)
    assert (harm.served_long.count, harm.served_long.total) == (1, 3)
    aims = {aim.name: aim.reached for aim in judge_aims(figures)}
    assert [reached for name, reached in aims.items() if name.startswith("harmful")] == [False]


def test_recovery_goes_by_truth() -> None:
    """Wrong answers that look right aren't health."""
    looks_well = Worth(0.4, 0.8, 0.8)
    figures = summarise(
        [
            record(REGRESSION, before=BAD, first=BAD, after=looks_well),
            record(REGRESSION, before=BAD, first=GOOD, after=GOOD),
            record(REGRESSION, WITHOUT_HISTORY, last_good=None, before=NOTHING, after=SAME),
        ]
    )
    with_history = figures.recovery[WITH_HISTORY]
    assert (with_history.recovered.count, with_history.seen.count) == (1, 2)
    assert (with_history.at_first.count, with_history.beats_last_good.count) == (1, 0)
    assert figures.recovery[WITHOUT_HISTORY].over_empty.median == pytest.approx(0.702)


def test_a_play_that_leaves_two_active_prompts_misses_an_aim_in_a_quick_run_too() -> None:
    plays = [record(), record(active_prompts=2)]
    [torn] = [aim for aim in judge_aims(summarise(plays)) if "active prompt" in aim.name]
    assert torn.is_essential
    assert torn.is_refuted
    [torn] = [aim for aim in judge_aims(summarise(plays[:1])) if "active prompt" in aim.name]
    assert torn.reached


def test_what_was_said_first_is_counted_of_incidents_that_were_looked_into() -> None:
    drift = replace(HELD, verdict="drift")
    figures = summarise(
        [
            record(fault="drift", heals=[drift, HELD]),
            record(fault="drift", heals=[replace(HELD, verdict="")]),
            record(fault="drift", heals=[]),
            record(fault="input", heals=[drift]),
        ]
    )
    assert (figures.recall["drift"].count, figures.recall["drift"].total) == (1, 2)
    assert (figures.precision["drift"].count, figures.precision["drift"].total) == (1, 2)
    assert figures.recall["input"].count == 0


def test_nothing_that_was_played_reaches_no_aim() -> None:
    figures = summarise([])
    assert not any(aim.reached for aim in judge_aims(figures) if aim.measured)


def test_a_record_is_read_as_it_was_written() -> None:
    one = record(HARMFUL, heals=[HELD, replace(HELD, candidate=None)])
    one.services.append(Service(GOOD, BAD, 3, 1, ""))
    assert read_play(one.as_json()) == one


def test_tables_are_shown() -> None:
    console = Console(width=140, record=True)
    figures = summarise([record(), record(HARMFUL), record(REGRESSION)])
    for table in (table_of_ties, table_of_harm, table_of_recovery, table_of_blame):
        console.print(table(figures))
    assert "decisions of the gate that promoted" in console.export_text()
