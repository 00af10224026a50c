"""What a heal begins with: plain values."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.common.models import Prompt
from services.optimizer.app.services.diagnosis.attribution import Attribution
from services.optimizer.app.services.log.log_records import Window
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.screening.screening import Quarantined


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt whose failures have piled up.

    Attributes:
        window: What was logged for it, without the rows that were set aside.
        attribution: Whose fault it is, where the log alone tells.
        read_texts: All that users and models wrote in the rows that were read, for the lint.
    """

    incumbent: Prompt
    window: Window
    analysis: FailureAnalysis
    quarantined: Sequence[Quarantined] = ()
    attribution: Attribution | None = None
    read_texts: tuple[str, ...] = ()
