"""What a heal begins with, and what binds it: plain values."""

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
        incumbent: The prompt.
        window: What was logged for it, without the rows that were set aside.
        analysis: What fails.
        quarantined: Rows that were set aside.
        attribution: Whose fault it is, where the log alone tells.
        read_texts: All that users and models wrote in the rows that were read, for the lint.
    """

    incumbent: Prompt
    window: Window
    analysis: FailureAnalysis
    quarantined: Sequence[Quarantined] = ()
    attribution: Attribution | None = None
    read_texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HealingPolicy:
    """What the operator decided.

    Attributes:
        mode: `auto` activates what is proven, `propose` leaves it for a person.
        triggered_by: Goes into the report.
        lookback_minutes: How far back failures count.
        guard_inputs: Most inputs on which damage is looked for.
        max_newly_failing: How many of ten guard inputs may newly fail.
        max_calls: Worker calls of a heal.
    """

    mode: str = "auto"
    triggered_by: str = "cronjob"
    lookback_minutes: int = 30
    guard_inputs: int = 10
    max_newly_failing: int = 1
    max_calls: int = 60
