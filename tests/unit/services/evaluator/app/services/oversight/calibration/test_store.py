"""Where calibrations are kept, and what a damaged file does."""

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.evaluator.app.services.oversight.calibration.store import CalibrationStore
from services.evaluator.app.services.oversight.calibration.trust import (
    Calibration,
    Susceptibility,
)
from services.evaluator.app.services.oversight.records import read_records, write_record

ONE = Calibration("a@1", 48, 47, 0.9, 0.6, Susceptibility(0.1, 0.2, 18), "2026-01-02T03:04:05Z")
OTHER = Calibration("b@2", 48, 0, None, None, None, "2026-01-03T03:04:05Z")


def test_what_is_kept_is_loaded_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    store = CalibrationStore(home)
    assert store.load("a@1") is None
    assert store.load_all() == []
    store.keep(OTHER)
    store.keep(ONE)
    assert store.load("a@1") == ONE
    assert store.load("b@2") == OTHER
    assert CalibrationStore(home).load_all() == [ONE, OTHER]
    assert [path.name for path in home.iterdir()] == ["judge_calibrations.json"]
    assert store.path.stat().st_mode & 0o777 == 0o600


def test_calibrating_again_replaces_the_record(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path)
    store.keep(OTHER)
    again = Calibration("b@2", 48, 48, 0.8, 0.5, None, "2026-01-04T03:04:05Z")
    store.keep(again)
    assert store.load_all() == [again]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "[" * 100_000, '{"a@1": NaN', b"\xff\xfe".decode("latin-1")],
    ids=["empty", "cut-off", "a-list", "null", "deep", "cut-nan", "no-json"],
)
def test_a_damaged_file_counts_as_none_and_is_reported(tmp_path: Path, text: str) -> None:
    store = CalibrationStore(tmp_path)
    store.path.write_text(text, encoding="latin-1")
    with capture_logs() as logs:
        assert store.load("a@1") is None
    assert [entry["event"] for entry in logs] == ["judge_records_unreadable"]
    assert logs[0]["path"] == str(store.path)
    store.keep(ONE)
    assert store.load("a@1") == ONE


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"kappa": "much"}, id="a-word"),
        pytest.param({"items": None}, id="null"),
        pytest.param({"susceptibility": 3}, id="a-number"),
        pytest.param({"kappa": float("nan")}, id="nan"),
    ],
)
def test_a_damaged_record_leaves_the_others(tmp_path: Path, changes: dict[str, object]) -> None:
    store = CalibrationStore(tmp_path)
    store.keep(ONE)
    store.keep(OTHER)
    content = json.loads(store.path.read_text())
    content["b@2"] |= changes
    store.path.write_text(json.dumps(content))
    with capture_logs() as logs:
        assert store.load_all() == [ONE]
        assert store.load("b@2") is None
    assert {entry["event"] for entry in logs} == {"calibration_unreadable"}


def test_a_directory_in_the_file_s_place_is_reported(tmp_path: Path) -> None:
    (tmp_path / "records.json").mkdir()
    with capture_logs() as logs:
        assert read_records(tmp_path / "records.json") == {}
    assert [entry["event"] for entry in logs] == ["judge_records_unreadable"]


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "records.json"
    write_record(path, "a", {"n": 1})

    def fail(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        write_record(path, "a", {"n": 2})
    assert read_records(path) == {"a": {"n": 1}}
    assert list(tmp_path.iterdir()) == [path]
