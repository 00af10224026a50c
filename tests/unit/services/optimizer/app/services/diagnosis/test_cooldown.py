"""How long a prompt is left alone, from its earlier runs alone."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.optimizer.app.services.diagnosis.cooldown import PastRun, explain_pause

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
BASE_SECONDS = 60


def run(*, minutes_ago: float, decision: str = "held", same_text: bool = True) -> PastRun:
    return PastRun(NOW - timedelta(minutes=minutes_ago), decision, same_text)


def reason_for(*runs: PastRun, max_heals_per_day: int = 24, base_seconds: float = 60) -> str:
    return explain_pause(
        runs, base_seconds=base_seconds, max_heals_per_day=max_heals_per_day, now=NOW
    )


def test_a_text_that_nothing_was_tried_on_may_be_healed_at_once() -> None:
    assert reason_for(max_heals_per_day=1) == ""


def test_the_pause_is_told_with_its_end() -> None:
    assert reason_for(run(minutes_ago=0.5)) == "cooling_down_until 2026-11-26T03:00:30+00:00"


@pytest.mark.parametrize("decision", ["held", "promoted", "rolled_back", "proposed"])
@pytest.mark.parametrize(
    ("minutes_ago", "allowed"), [([1.1], True), ([0.9], False), ([1.5, 3], False), ([2.1, 3], True)]
)
def test_each_run_on_the_same_text_doubles_the_pause(
    decision: str, minutes_ago: list[float], allowed: bool
) -> None:
    runs = [run(minutes_ago=minutes, decision=decision) for minutes in minutes_ago]
    assert (reason_for(*runs) == "") is allowed


def test_the_pause_grows_to_six_hours_and_no_further() -> None:
    runs = [run(minutes_ago=360 * number + 355) for number in range(20)]
    assert reason_for(*runs) == "cooling_down_until 2026-11-26T03:05:00+00:00"


def test_a_day_without_a_run_begins_anew() -> None:
    assert reason_for(*(run(minutes_ago=60 * 25 + number) for number in range(20))) == ""


def test_runs_on_another_text_are_no_reason_to_wait() -> None:
    others = (run(minutes_ago=0, same_text=False, decision="promoted") for _ in range(5))
    assert reason_for(*others) == ""


@pytest.mark.parametrize(("count", "reason"), [(2, ""), (3, "heals_per_day_reached")])
def test_a_task_type_is_healed_so_often_a_day_whatever_the_text(count: int, reason: str) -> None:
    runs = [run(minutes_ago=60, same_text=False, decision="promoted") for _ in range(count)]
    runs += [run(minutes_ago=60 * 25, same_text=False, decision="promoted")]
    runs += [run(minutes_ago=60, same_text=False)]
    assert reason_for(*runs, max_heals_per_day=3) == reason


def test_no_base_is_no_pause() -> None:
    assert reason_for(run(minutes_ago=0), base_seconds=0) == ""


@given(st.permutations([run(minutes_ago=number) for number in range(6)]))
def test_the_order_of_the_runs_does_not_matter(runs: list[PastRun]) -> None:
    ordered = sorted(runs, key=lambda one: one.created_at)
    assert reason_for(*runs) == reason_for(*ordered)


def test_two_clusters_of_users_with_opposite_needs_settle() -> None:
    """Each text fails one of the clusters, so each is replaced by the other as soon as allowed."""
    history: list[tuple[datetime, str]] = []
    now, serving = NOW, "for tables"
    end = NOW + timedelta(days=2)
    while now < end:
        runs = [PastRun(at, "promoted", text == serving) for at, text in history]
        reason = explain_pause(runs, base_seconds=60, max_heals_per_day=24, now=now)
        if reason == "heals_per_day_reached":
            now += timedelta(minutes=1)
            continue
        if reason:
            allowed_at = datetime.fromisoformat(reason.removeprefix("cooling_down_until "))
            assert allowed_at > now
            now = allowed_at
            continue
        history.append((now, serving))
        serving = "for prose" if serving == "for tables" else "for tables"
        now += timedelta(seconds=5)  # the next three failures
    away = [at for at, text in history if text == "for tables"]
    pauses = [after - before for before, after in pairwise(away)]
    assert pauses == sorted(pauses)
    assert pauses[-1] >= timedelta(hours=5)
    assert sum(at > end - timedelta(days=1) for at, _ in history) <= 10
