"""What a heal begins with: plain values."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.common.models import Prompt
from services.common.record.leases import Lease
from services.optimizer.app.services.diagnosis.attribution import Attribution
from services.optimizer.app.services.log.log_records import Window
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.screening.screening import Quarantined

# What starts a run on a person's text, and the strategy that such a text comes from.
DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that a person asks to be proven in place of what serves, and why."""

    content: str
    requested_by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt whose failures have piled up, or in whose place a person has a text proven.

    Attributes:
        window: What was logged for it, without the rows that were set aside.
        attribution: Whose fault it is, where the log alone tells.
        read_texts: All that users and models wrote in the rows that were read, for the lint.
        draft: The one text to prove, whatever fails; None where the Optimizer finds candidates.
        lease: Keeps others from healing the prompt; it is needed to activate anything.
    """

    incumbent: Prompt
    window: Window
    analysis: FailureAnalysis
    quarantined: Sequence[Quarantined] = ()
    attribution: Attribution | None = None
    read_texts: tuple[str, ...] = ()
    draft: Draft | None = None
    lease: Lease | None = None
