"""Exchanges what is known of judges and of canaries with the other Evaluators, over the Manager."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from services.common.logging import get_logger
from services.common.oversight.records import (
    CALIBRATION,
    CANARY_BASELINE,
    MAX_RECORDS,
    EvaluatorRecord,
    RecordKind,
)
from services.evaluator.app.services.oversight.calibration.store import CalibrationStore
from services.evaluator.app.services.oversight.canary_baselines import CanaryBaselines
from services.evaluator.app.services.oversight.records import read_records, write_record

# Where a record says when it was made.
_TIMES: Final[dict[RecordKind, str]] = {
    CALIBRATION: "calibrated_at",
    CANARY_BASELINE: "recorded_at",
}

log = get_logger()


class KnownRecords:
    """The records of one SELFHEAL_HOME, those of other Evaluators among them."""

    def __init__(self, home: Path) -> None:
        self._files: dict[RecordKind, Path] = {
            CALIBRATION: CalibrationStore(home).path,
            CANARY_BASELINE: CanaryBaselines(home).path,
        }

    def load(self) -> list[EvaluatorRecord]:
        """Load the latest of what is known; what doesn't say when it was made is left out."""
        known = [
            EvaluatorRecord(kind=kind, identity=identity, record=record, recorded_at=moment)
            for kind, path in self._files.items()
            for identity, record in read_records(path).items()
            if (moment := _read_moment(record.get(_TIMES[kind]))) is not None
        ]
        return sorted(known, key=lambda one: one.recorded_at, reverse=True)[:MAX_RECORDS]

    def take(self, given: Iterable[EvaluatorRecord]) -> None:
        """Keep what others know, unless what is known here outranks it."""
        own = {(one.kind, one.identity): one for one in self.load()}
        for one in given:
            known = own.get((one.kind, one.identity))
            if known is not None and (known.record == one.record or known.outranks(one)):
                continue
            try:
                write_record(self._files[one.kind], one.identity, one.record)
            except OSError as error:
                log.warning("evaluator_record_not_kept", kind=one.kind, problem=str(error))
                return


def _read_moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
