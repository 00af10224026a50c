"""`selfheal audit` on a real database."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from selfheal.cli.access import audit

HOSTILE = "=cmd|' /C calc'!A0\x1b]0;owned\x07\u202e[red]"


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(audit.output, Console)
    monkeypatch.setattr(audit.output, "_width", 200)


@pytest.fixture
def hostile(operator: Any) -> Any:
    operator.sql("UPDATE prompts SET change_reason = $1", HOSTILE)
    operator.sql("UPDATE prompts SET change_reason = $1, is_active = FALSE", "calm")
    return operator


def test_the_list_tells_what_changed_and_nothing_acts(hostile: Any) -> None:
    done = hostile.selfheal("audit", "list")
    assert done.exit_code == 0, done.output
    latest, before, *_ = done.stdout.splitlines()[1:]
    assert "agent" in latest
    assert "code_generation" in latest
    assert "is_active: true → false" in latest
    assert "[red]" in done.stdout
    assert "=cmd|" in before + latest
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout)


def test_the_list_is_filtered(hostile: Any) -> None:
    assert len(hostile.json("audit", "list", "-n", "1")) == 1
    assert hostile.json("audit", "list", "--task-type", "other") == []
    assert hostile.json("audit", "list", "--person", "alice") == []
    assert hostile.json("audit", "list", "--since", "2999-01-01") == []
    assert len(hostile.json("audit", "list", "--since", "2020-01-01")) >= 2
    assert "Nothing" in hostile.selfheal("audit", "list", "--person", "alice").stderr


def test_the_export_is_whole_and_no_spreadsheet_runs_it(hostile: Any, tmp_path: Path) -> None:
    file = tmp_path / "audit.csv"
    done = hostile.selfheal("audit", "export", "--output", str(file))
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))
    assert len(rows) == len(hostile.json("audit", "list", "-n", "10000"))
    assert json.loads(rows[0]["after"])["change_reason"] == "calm"
    assert not {"\x1b", "\x07", "\u202e"} & set(file.read_text(encoding="utf-8"))


def test_the_export_as_json_lines_keeps_every_sign(hostile: Any) -> None:
    done = hostile.selfheal("audit", "export", "--format", "jsonl")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["before"]["change_reason"] == HOSTILE
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout


def test_a_file_that_cannot_be_written_is_told(operator: Any, tmp_path: Path) -> None:
    done = operator.selfheal("audit", "export", "-o", str(tmp_path / "no" / "audit.csv"))
    assert done.exit_code == 1
    assert "Can't write" in done.stderr


def test_a_full_disk_is_told_as_one(operator: Any) -> None:
    done = operator.selfheal("audit", "export", "-o", "/dev/full")
    assert done.exit_code == 1
    assert "Can't write /dev/full: No space left on device" in done.stderr


def test_where_no_system_runs_an_earlier_export_stays(
    operator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "audit.csv"
    file.write_text("an earlier one")
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("SELFHEAL_HOME", str(tmp_path / "none"))
    assert operator.selfheal("audit", "export", "-o", str(file)).exit_code == 1
    assert file.read_text() == "an earlier one"
