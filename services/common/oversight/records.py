"""The records that Evaluators exchange over the Manager, and which of two is kept."""

from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, Field

RecordKind = Literal["calibration", "canary_baseline"]
CALIBRATION: Final[RecordKind] = "calibration"
CANARY_BASELINE: Final[RecordKind] = "canary_baseline"
# Each version of the Evaluator and each judge adds one: the latest of them are exchanged.
MAX_RECORDS: Final = 500


class EvaluatorRecord(BaseModel):
    """One thing that an Evaluator knows.

    Attributes:
        identity: The judge's identity, or the fingerprint.
        record: As the Evaluator's own file has it.
    """

    kind: RecordKind
    identity: Annotated[str, Field(max_length=500)]
    record: dict[str, Any]
    recorded_at: AwareDatetime

    def outranks(self, other: "EvaluatorRecord") -> bool:
        """Tell whether this is to be kept in place of another of the same."""
        if self.kind == CALIBRATION:
            return self.recorded_at > other.recorded_at
        return self.recorded_at < other.recorded_at


class EvaluatorRecords(BaseModel):
    """What one side of an exchange has."""

    records: Annotated[list[EvaluatorRecord], Field(max_length=MAX_RECORDS)]
