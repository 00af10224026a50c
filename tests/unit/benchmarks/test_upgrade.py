"""The benchmark of upgrades puts each insert into the stage in which it ended."""

from datetime import UTC, datetime, timedelta

from benchmarks.upgrade import BEFORE, Insert, Report, Waits, tell_apart

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_an_insert_counts_to_the_stage_in_which_it_ended() -> None:
    inserts = [Insert(at(begun), seconds) for begun, seconds in
               ((0, 0.1), (1, 0.1), (9.5, 3), (11, 0.2), (21, 0.3), (22, 0.1))]  # fmt: skip
    ends = {BEFORE: at(10), "migration 2": at(20), "migration 3": at(21)}
    stages = list(tell_apart(inserts, ends))
    assert [(one.stage, one.inserts, one.longest_ms) for one in stages] == [
        (BEFORE, 2, 100),
        ("migration 2", 2, 3000),
        ("migration 3", 2, 300),
    ]


def test_what_was_slow_before_the_upgrade_misses_no_aim() -> None:
    def waits(stage: str, longest_ms: float) -> Waits:
        return Waits(stage, 1, 1, longest_ms, longest_ms)

    def reaches(*stages: Waits) -> bool:
        return Report(1, 1, 1, list(stages), "", "").reaches_aim

    assert reaches(waits(BEFORE, 2000), waits("migration 2", 900))
    assert not reaches(waits(BEFORE, 10), waits("migration 2", 1100))
