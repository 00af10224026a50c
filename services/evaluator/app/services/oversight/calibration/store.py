"""Keeps calibrations in SELFHEAL_HOME, one for each judge identity."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from services.common.logging import get_logger
from services.evaluator.app.services.oversight.calibration.trust import Calibration
from services.evaluator.app.services.oversight.records import read_records, write_record

FILE_NAME = "judge_calibrations.json"

log = get_logger()
_reader: TypeAdapter[Calibration] = TypeAdapter(Calibration)


class CalibrationStore:
    """The calibrations of one SELFHEAL_HOME."""

    def __init__(self, home: Path) -> None:
        self.path = home / FILE_NAME

    def load_all(self) -> list[Calibration]:
        """Load every calibration, by identity; damaged ones are left out with a warning."""
        records = sorted(read_records(self.path).items())
        read = [self._read(identity, record) for identity, record in records]
        return [calibration for calibration in read if calibration is not None]

    def load(self, identity: str) -> Calibration | None:
        """Load a judge's calibration; None where it has none that can be read."""
        record = read_records(self.path).get(identity)
        return None if record is None else self._read(identity, record)

    def keep(self, calibration: Calibration) -> None:
        """Keep a calibration, in place of an earlier one of the same judge.

        Raises:
            OSError: If the file can't be written.
        """
        write_record(self.path, calibration.identity, asdict(calibration))

    def _read(self, identity: str, record: dict[str, Any]) -> Calibration | None:
        try:
            calibration = _reader.validate_python({**record, "identity": identity})
        except ValidationError as error:
            problem = _first_problem(error)
        else:
            if calibration.kappa is None or math.isfinite(calibration.kappa):
                return calibration
            problem = "kappa is no number"
        log.warning("calibration_unreadable", judge=identity, problem=problem)
        return None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
