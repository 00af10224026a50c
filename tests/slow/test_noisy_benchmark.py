"""Incidents on the noisy model, played on a whole system: each way of playing once."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.healing.noisy.incident import BATCH, LASTING_BATCHES
from benchmarks.healing.noisy.plays import DRIFT, RESTART, TIMED
from benchmarks.healing.noisy.records import PlayRecord, is_recovered, read_play

SECONDS = 300


@pytest.fixture(scope="module")
def plays(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PlayRecord]:
    """The plays by lane, as a run of the command wrote them down."""
    file = tmp_path_factory.mktemp("noisy") / "plays.json"
    lanes = (RESTART, TIMED, DRIFT)
    command = ("-m", "benchmarks.healing", "--model", "noisy", "--quick", "--only", *lanes)
    ran = subprocess.run(
        (sys.executable, *command, "--json", str(file)),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    found = {play.lane: play for play in map(read_play, report["plays"])}
    assert set(found) == set(lanes)
    return found


def test_every_incident_leaves_one_active_prompt(plays: dict[str, PlayRecord]) -> None:
    assert [play.active_prompts for play in plays.values()] == [1, 1, 1]


def test_a_bad_prompt_is_healed_though_the_database_restarts(plays: dict[str, PlayRecord]) -> None:
    play = plays[RESTART]
    assert play.last_good
    assert not is_recovered(play.before, play.last_good)
    assert is_recovered(play.after, play.last_good)


def test_a_repair_under_the_autopilot_is_timed(plays: dict[str, PlayRecord]) -> None:
    play = plays[TIMED]
    assert play.seconds_to_share is not None
    assert play.seconds_to_all is not None
    assert play.seconds_to_share <= play.seconds_to_all


def test_a_drift_goes_on_to_its_worst_and_is_looked_into(plays: dict[str, PlayRecord]) -> None:
    assert plays[DRIFT].answers == LASTING_BATCHES * BATCH
    assert plays[DRIFT].heals
