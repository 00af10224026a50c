"""What an Evaluator takes from others and gives, and what it makes of it."""

import json
from pathlib import Path

import pytest

from services.common.oversight.records import CALIBRATION, CANARY_BASELINE, EvaluatorRecord
from services.evaluator.app.services.oversight import exchange
from services.evaluator.app.services.oversight.canary_baselines import FILE_NAME, CanaryBaselines
from services.evaluator.app.services.oversight.exchange import KnownRecords


def baseline(agreement: float, minute: int, fingerprint: str = "aaaa") -> EvaluatorRecord:
    moment = f"2026-01-02T03:{minute:02}:00+00:00"
    record = {"agreement": agreement, "recorded_at": moment}
    return EvaluatorRecord.model_validate(
        {"kind": CANARY_BASELINE, "identity": fingerprint, "record": record, "recorded_at": moment}
    )


def test_it_keeps_what_others_know_and_gives_it_on(tmp_path: Path) -> None:
    known = KnownRecords(tmp_path / "home")
    assert known.load() == []
    given = [baseline(0.8, 6, "bbbb"), baseline(0.9, 5)]
    known.take(given)
    assert CanaryBaselines(tmp_path / "home").load("bbbb") == 0.8
    assert KnownRecords(tmp_path / "home").load() == given


@pytest.mark.parametrize(("minute", "kept"), [(4, 0.5), (6, 0.9), (5, 0.5)])
def test_an_earlier_baseline_replaces_its_own_and_a_tie_is_what_all_have(
    tmp_path: Path, minute: int, kept: float
) -> None:
    known = KnownRecords(tmp_path)
    known.take([baseline(0.9, 5)])
    known.take([baseline(0.5, minute)])
    assert CanaryBaselines(tmp_path).load("aaaa") == kept


def test_what_does_not_say_when_it_was_made_is_not_given_on(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    file.write_text(json.dumps({"aaaa": {"agreement": 1.0}, "bbbb": {"recorded_at": "yesterday"}}))
    assert KnownRecords(tmp_path).load() == []
    KnownRecords(tmp_path).take([baseline(0.9, 5)])
    assert [one.identity for one in KnownRecords(tmp_path).load()] == ["aaaa"]


def test_a_home_that_cannot_be_written_is_told_and_no_failure(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    known = KnownRecords(tmp_path / "home")
    known.take([baseline(0.9, 5)])
    assert known.load() == []


def test_kinds_do_not_mix(tmp_path: Path) -> None:
    known = KnownRecords(tmp_path)
    moment = "2026-01-02T03:04:05+00:00"
    calibration = EvaluatorRecord.model_validate(
        {
            "kind": CALIBRATION,
            "identity": "aaaa",
            "record": {"kappa": None, "calibrated_at": moment},
            "recorded_at": moment,
        }
    )
    known.take([baseline(0.9, 5), calibration])
    assert known.load() == [baseline(0.9, 5), calibration]


def test_the_latest_are_given_where_there_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "MAX_RECORDS", 2)
    known = KnownRecords(tmp_path)
    known.take([baseline(0.9, minute, f"of minute {minute}") for minute in (2, 1, 3)])
    assert [one.identity for one in known.load()] == ["of minute 3", "of minute 2"]
    assert CanaryBaselines(tmp_path).load("of minute 1") == 0.9
