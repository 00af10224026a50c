"""Keeps the canary's baselines in SELFHEAL_HOME, one for each fingerprint."""

from datetime import UTC, datetime
from pathlib import Path

from services.evaluator.app.services.oversight.records import read_records, write_record

FILE_NAME = "canary_baselines.json"


class CanaryBaselines:
    """The baselines of one SELFHEAL_HOME.

    They outlast the process: a canary that forgot its baseline on a restart would take the judge
    as it is by then for the norm, and a judge may change between two starts.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / FILE_NAME

    def load(self, fingerprint: str) -> float | None:
        """Load the agreement kept for a fingerprint, in [0, 1]; None where there is none."""
        agreement = read_records(self.path).get(fingerprint, {}).get("agreement")
        if isinstance(agreement, bool) or not isinstance(agreement, int | float):
            return None
        return float(agreement) if 0 <= agreement <= 1 else None

    def keep(self, fingerprint: str, agreement: float) -> None:
        """Keep an agreement, in place of one that is kept already for this fingerprint.

        Raises:
            OSError: If the file can't be written.
        """
        recorded_at = datetime.now(UTC).isoformat(timespec="seconds")
        record = {"agreement": agreement, "recorded_at": recorded_at}
        write_record(self.path, fingerprint, record)
