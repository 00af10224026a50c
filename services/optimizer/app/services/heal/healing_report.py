"""What a heal leaves on record: failures, whose fault, what was tried, the decision, the cost."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from services.common.errors import ServiceError
from services.common.errors.model import (
    ModelQuotaSpentError,
    ModelRateLimitedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from services.optimizer.app.services.diagnosis import attribution as blame
from services.optimizer.app.services.diagnosis.attribution import Attribution
from services.optimizer.app.services.diagnosis.healing_case import Case
from services.optimizer.app.services.heal.preparation import Preparation
from services.optimizer.app.services.heal.report_parts import (
    describe_contender,
    describe_decision,
    describe_inputs,
    describe_past,
)
from services.optimizer.app.services.proof.budget import ANALYST, JUDGE, WORKER, Budget
from services.optimizer.app.services.repair.contest import Choice
from services.optimizer.app.services.repair.gate import BUDGET, GateDecision

MAX_QUARANTINED = 50
WRITTEN_BY_HAND = "A person wrote it, so a person decides when it serves."
WRITTEN_FOR_USERS = "A model wrote it that had read what users wrote, so a person decides."
HOLD_REASONS = {
    blame.PROVIDER: "provider_at_fault",
    blame.EVALUATOR: "evaluator_at_fault",
    blame.INPUT: "input_at_fault",
    blame.UNKNOWN: "failures_did_not_recur",
}
# What the Worker says where its main model can't be asked: nothing is known of the prompt then.
PROVIDER_CODES = frozenset(
    kind.code
    for kind in (
        ModelQuotaSpentError,
        ModelRateLimitedError,
        ModelTimeoutError,
        ModelUnavailableError,
    )
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a heal came; what it never reached is None."""

    preparation: Preparation | None = None
    attribution: Attribution | None = None
    choice: Choice | None = None
    decision: GateDecision | None = None
    failure: ServiceError | None = None

    @property
    def hold_reason(self) -> str:
        """Why the incumbent stays, as a code; empty where a candidate is proven."""
        if self.failure is not None:
            told = getattr(self.failure, "upstream_code", "")
            return told if told in PROVIDER_CODES else self.failure.code
        if self.decision is not None:
            return "" if self.decision.promote else self.decision.reason
        if self.choice is not None:
            return BUDGET if self.choice.is_budget_spent else self.choice.hold_reason
        if self.attribution is not None:
            return self.attribution.hold_reason or HOLD_REASONS[self.attribution.fault]
        return self.preparation.obstacle if self.preparation is not None else ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a heal took: calls of the Worker, the analyst's model and the judge's, tokens, seconds.

    Attributes:
        input_tokens: The Worker's; those of each purpose are in `by_purpose`.
        used_up: What the budget allowed no more of; empty where it sufficed.
    """

    worker_calls: int
    analyst_calls: int
    input_tokens: int
    output_tokens: int
    seconds: float
    judge_calls: int = 0
    used_up: str = ""
    by_purpose: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, budget: Budget, seconds: float) -> "Cost":
        """Sum up a budget's spending."""
        worker = budget.spent[WORKER]
        return cls(
            worker.calls,
            budget.spent[ANALYST].calls,
            worker.input_tokens,
            worker.output_tokens,
            seconds,
            budget.spent[JUDGE].calls,
            budget.used_up,
            {purpose: asdict(spent) for purpose, spent in budget.spent.items()},
        )


@dataclass(frozen=True, slots=True)
class HealingReport:
    """All that is known at the end of a heal.

    Attributes:
        error: The code of a failure that isn't the heal's own budget or deadline.
        no_repair: What the incident's heals came to, where this is the last of them.
    """

    case: Case
    lookback_minutes: int
    progress: Progress
    cost: Cost
    error: str = ""
    no_repair: Mapping[str, Any] | None = None

    @property
    def has_tried(self) -> bool:
        """Whether calls were spent on the prompt, or candidates found, and it may be at fault."""
        found, choice = self.progress.attribution, self.progress.choice
        if found is not None and found.fault in (blame.PROVIDER, blame.EVALUATOR):
            return False
        return self.cost.worker_calls > 0 or (choice is not None and bool(choice.contenders))

    @property
    def waits_because(self) -> str:
        """Why a person decides on the proven text, whatever the mode; empty where none has to."""
        decision = self.progress.decision
        if self.case.draft is not None:
            return "" if self.progress.hold_reason else WRITTEN_BY_HAND
        waits = decision is not None and decision.contender.candidate.informed_by_users
        return WRITTEN_FOR_USERS if waits and not self.progress.hold_reason else ""

    def as_json(self, summary: str, *, watching: int | None = None) -> dict[str, Any]:
        """Give it as `healing_runs.detail` and `optimization_reports.failure_analysis` have it.

        Args:
            watching: The version that a promoted one is compared with from now on.
        """
        progress, cost, decision = self.progress, self.cost, self.progress.decision
        found, prepared, choice = progress.attribution, progress.preparation, progress.choice
        contenders, refused = (choice.contenders, choice.refused) if choice else ((), ())
        last_good = prepared.last_good if prepared else None
        detail = {
            "summary": summary,
            # Of a draft's run nobody asks what failed, where nothing did.
            "failures": None if self._has_nothing_to_tell else self._describe_failures(),
            "quarantined": [asdict(row) for row in self.case.quarantined[:MAX_QUARANTINED]],
            "candidates": [*map(describe_contender, contenders), *map(asdict, refused)],
            "cost": {
                **asdict(cost),
                "model_calls": cost.worker_calls + cost.analyst_calls + cost.judge_calls,
                "seconds": round(cost.seconds, 2),
            },
            "attribution": found.as_json() if found else None,
            "inputs": describe_inputs(prepared.trial, decision) if prepared else None,
            "last_good": describe_past(last_good) if last_good else None,
            "verdict": describe_decision(decision) if decision else None,
            "watching": {"against_version": watching} if watching is not None else None,
            "waits_because": self.waits_because or None,
            "no_repair": self.no_repair,
            "error": self.error or None,
        }
        return {name: value for name, value in detail.items() if value is not None}

    @property
    def _has_nothing_to_tell(self) -> bool:
        return self.case.draft is not None and not self.case.analysis.failure_count

    def _describe_failures(self) -> dict[str, Any]:
        analysis, prepared = self.case.analysis, self.progress.preparation
        return {
            "count": analysis.failure_count,
            "scored": analysis.scored_count,
            "distinct_inputs": len(analysis.failing),
            "clusters": prepared.trial.clusters if prepared else None,
            "mean_score": analysis.mean_score,
            "failed_rules": analysis.rule_counts,
            "lookback_minutes": self.lookback_minutes,
            "unscored": {
                f"{row.service} {row.code}".strip(): row.times for row in self.case.window.unscored
            },
            "surprise": asdict(analysis.surprise),
        }
