from datetime import UTC, datetime, timedelta

import pytest

from services.common.oversight.records import (
    CALIBRATION,
    CANARY_BASELINE,
    EvaluatorRecord,
    RecordKind,
)

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def record(kind: RecordKind, minutes: int = 0) -> EvaluatorRecord:
    moment = NOON + timedelta(minutes=minutes)
    return EvaluatorRecord(kind=kind, identity="one", record={}, recorded_at=moment)


@pytest.mark.parametrize(
    ("kind", "minutes", "outranks"),
    [
        (CALIBRATION, 1, True),
        (CALIBRATION, -1, False),
        (CANARY_BASELINE, 1, False),
        (CANARY_BASELINE, -1, True),
        (CALIBRATION, 0, False),
        (CANARY_BASELINE, 0, False),
    ],
)
def test_the_latest_calibration_and_the_first_baseline_are_kept(
    kind: RecordKind, minutes: int, outranks: bool
) -> None:
    assert record(kind, minutes).outranks(record(kind)) is outranks


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone"):
        EvaluatorRecord(
            kind=CALIBRATION, identity="one", record={}, recorded_at=NOON.replace(tzinfo=None)
        )
