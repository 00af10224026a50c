"""What a heal begins with, what binds it, and how it ends: plain values."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.common.models import Prompt
from services.optimizer.app.services.diagnosis.attribution import Attribution
from services.optimizer.app.services.log.log_records import Window
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.record.healing_runs import PROMOTED
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
        evidence_texts: All that users and models wrote in the window, for the lint.
    """

    incumbent: Prompt
    window: Window
    analysis: FailureAnalysis
    quarantined: Sequence[Quarantined] = ()
    attribution: Attribution | None = None
    evidence_texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HealingPolicy:
    """What the operator decided.

    Attributes:
        mode: `auto` activates what is proven, `propose` leaves it for a person.
        triggered_by: Goes into the report.
        lookback_minutes: How far back failures count.
        guard_inputs: Most inputs on which damage is looked for.
        max_newly_failing: Newly failing ones of ten that are borne.
        max_calls: Worker calls of a heal.
    """

    mode: str = "auto"
    triggered_by: str = "cronjob"
    lookback_minutes: int = 30
    guard_inputs: int = 10
    max_newly_failing: int = 1
    max_calls: int = 60


@dataclass(frozen=True, slots=True)
class HealingOutcome:
    """How a heal ended.

    Attributes:
        decision: `promoted`, `proposed`, `held` or `rolled_back`.
        reason: `better`, or why the incumbent stays.
        version: The version that serves now.
        verdict: Whose fault the failures are; empty where that wasn't asked.
        summary: The same in a sentence for people.
        before_version: The version that served before.
        run_id: The run's id in `selfheal.healing_runs`.
        report_id: The report's id, where there is one.
        pairs: Inputs on which both texts were run for the verdict.
        passed_before: How many of them the incumbent passed.
        passed_after: How many the candidate passed.
    """

    decision: str
    reason: str
    version: int
    verdict: str = ""
    summary: str = field(default="", compare=False)
    before_version: int = field(default=0, compare=False)
    run_id: str = field(default="", compare=False)
    report_id: int | None = field(default=None, compare=False)
    pairs: int = field(default=0, compare=False)
    passed_before: int = field(default=0, compare=False)
    passed_after: int = field(default=0, compare=False)

    @property
    def promoted(self) -> bool:
        """Whether a candidate serves now."""
        return self.decision == PROMOTED
