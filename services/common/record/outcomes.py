"""Holds how runs of the Optimizer end: plain values."""

from dataclasses import dataclass, field

DECISIONS = (PROMOTED, PROPOSED, HELD, ROLLED_BACK) = "promoted", "proposed", "held", "rolled_back"
# Not decided yet: the text serves a share of traffic, and is promoted or held in the end.
CANARY = "canary"
CANARY_ADVANCED = "canary_advanced"


@dataclass(frozen=True, slots=True)
class HealingOutcome:
    """How a run ended for one prompt.

    Attributes:
        decision: `promoted`, `proposed`, `held`, `rolled_back`, or `canary` until it is decided.
        reason: `better`, or why the incumbent stays.
        fault: Whose fault the failures are; empty where that wasn't asked.
        pairs: Inputs on which the gate ran both texts.
        passed_before: How many of them the incumbent passed.
        passed_after: How many the candidate passed.
        share: Of a canary: what it serves now, where it took a step; else None.
        cause: What is wrong with an Evaluator at fault: `down`, `degraded` or `changed`.
    """

    decision: str
    reason: str
    version: int
    fault: str = ""
    summary: str = field(default="", compare=False)
    before_version: int = field(default=0, compare=False)
    run_id: str = field(default="", compare=False)
    report_id: int | None = field(default=None, compare=False)
    pairs: int = field(default=0, compare=False)
    passed_before: int = field(default=0, compare=False)
    passed_after: int = field(default=0, compare=False)
    cause: str = field(default="", compare=False)
    share: float | None = field(default=None, compare=False)

    @property
    def promoted(self) -> bool:
        """Whether a candidate serves now."""
        return self.decision == PROMOTED
