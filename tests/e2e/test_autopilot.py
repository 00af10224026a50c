"""`selfheal up --autopilot`: a system that heals while nobody looks."""

import json
from collections.abc import Iterator

import psutil
import pytest
from support.running_system import GUIDE_INJECTION, RunningSystem, make_system

from selfheal.runtime.waiting import wait_until

BINARY_SEARCH = "Write a binary search function"
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def autopilot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    system = make_system(tmp_path_factory.mktemp("on autopilot"))
    try:
        system.selfheal("up", "--autopilot")
        yield system
    finally:
        system.selfheal("reset", "--yes")


def decisions(system: RunningSystem) -> list[str]:
    rows = json.loads(system.selfheal("reports", "list", "--json").stdout)
    return [row["decision"] for row in rows]


def test_it_heals_without_being_asked_and_reports_it(autopilot: RunningSystem) -> None:
    assert autopilot.states()["optimizer"]["state"] == "running"
    autopilot.psql(GUIDE_INJECTION)
    for _ in range(3):
        assert autopilot.request(BINARY_SEARCH).json["evaluation_passed"] is False
    assert wait_until(lambda: "promoted" in decisions(autopilot), timeout_seconds=PATIENCE_SECONDS)
    answer = autopilot.request(BINARY_SEARCH).json
    assert (answer["prompt_version"], answer["evaluation_passed"]) == (100, True)
    shown = autopilot.selfheal("reports", "show").stdout
    for words in ("started by autopilot", "version 100 replaced 99", "What it cost", "undo"):
        assert words in shown


@pytest.mark.slow
def test_a_crash_shows_and_up_mends_it(autopilot: RunningSystem) -> None:
    pid = autopilot.states()["optimizer"]["pid"]
    psutil.Process(pid).kill()
    assert wait_until(
        lambda: autopilot.states()["optimizer"]["state"] == "crashed",
        timeout_seconds=PATIENCE_SECONDS,
    )
    assert "optimizer" in autopilot.selfheal("up", "--autopilot").stderr
    assert autopilot.states()["optimizer"]["state"] == "running"
    assert autopilot.selfheal("up", "--autopilot").stderr.startswith("Everything ran already")


def test_a_plain_up_ends_it_and_says_so(autopilot: RunningSystem) -> None:
    assert "autopilot is off now" in autopilot.selfheal("up").stderr
    assert "optimizer" not in autopilot.states()
    log = autopilot.selfheal("logs", "--service", "optimizer", "-n", "1").stdout
    assert "failure_watch_stopped" in log


def test_there_is_no_autopilot_where_the_mode_is_off(autopilot: RunningSystem) -> None:
    off = RunningSystem(autopilot.directory, autopilot.environment | {"OPTIMIZER_MODE": "off"})
    done = off.selfheal("up", "--autopilot", check=False)
    assert done.returncode == 1
    assert "OPTIMIZER_MODE is off" in done.stderr
