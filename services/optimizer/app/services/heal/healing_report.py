"""What a heal leaves on record: failures, whose fault, what was tried, the verdict, the cost."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from services.optimizer.app.services.diagnosis.attribution import Attribution
from services.optimizer.app.services.log.log_records import Window
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.proof.promotion import SIGNIFICANCE_LEVEL
from services.optimizer.app.services.proof.replay import Replayer
from services.optimizer.app.services.proof.replay_results import ReplayInput
from services.optimizer.app.services.proof.trial import TrialInputs
from services.optimizer.app.services.repair.contest import Contender
from services.optimizer.app.services.repair.verdict import Verdict
from services.optimizer.app.services.screening.screening import Quarantined

MAX_TEXT_CHARACTERS = 200
MAX_QUARANTINED = 50


@dataclass(slots=True)
class HealingReport:
    """Is filled in while a heal goes on; what was never reached stays out of it.

    Attributes:
        window: What was logged.
        analysis: What fails.
        lookback_minutes: How far back failures count.
        quarantined: Rows that were left out of the evidence.
        attribution: Whose fault it is.
        trial: The inputs.
        contenders: Candidates that were tried.
        refused: Candidates that were not, and why: strategy, rationale, reason.
        verdict: What the gate said.
        analyst_calls: Calls of the analyst's model.
        watching: The version that a promoted one is compared with from now on.
        waits_because: Why a person decides on a proven text, whatever the mode.
        error: The code of what ended the heal before its time.
    """

    window: Window
    analysis: FailureAnalysis
    lookback_minutes: int
    quarantined: Sequence[Quarantined] = ()
    attribution: Attribution | None = None
    trial: TrialInputs | None = None
    contenders: list[Contender] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    verdict: Verdict | None = None
    analyst_calls: int = 0
    watching: int | None = None
    waits_because: str = ""
    error: str = ""

    def as_json(self, *, summary: str, replayer: Replayer, seconds: float) -> dict[str, Any]:
        """All of it, as `healing_runs.detail` and `optimization_reports.failure_analysis` have it.

        Args:
            summary: What was decided, in a sentence.
            replayer: Knows what the replays cost.
            seconds: How long it took.
        """
        detail: dict[str, Any] = {
            "summary": summary,
            "failures": self._describe_failures(),
            "quarantined": [asdict(row) for row in self.quarantined[:MAX_QUARANTINED]],
            "candidates": [
                *(describe_contender(contender) for contender in self.contenders),
                *(
                    {"strategy": strategy, "rationale": rationale, "refused": reason}
                    for strategy, rationale, reason in self.refused
                ),
            ],
            "cost": {
                "worker_calls": replayer.calls,
                "analyst_calls": self.analyst_calls,
                "model_calls": replayer.calls + self.analyst_calls,
                "input_tokens": replayer.input_tokens,
                "output_tokens": replayer.output_tokens,
                "seconds": round(seconds, 2),
            },
        }
        if self.attribution is not None:
            detail["attribution"] = self.attribution.as_json()
        if self.trial is not None:
            detail["inputs"] = describe_inputs(self.trial)
        if self.verdict is not None:
            detail["verdict"] = describe_verdict(self.verdict)
        if self.watching is not None:
            detail["watching"] = {"against_version": self.watching}
        if self.waits_because:
            detail["waits_because"] = self.waits_because
        if self.error:
            detail["error"] = self.error
        return detail

    def _describe_failures(self) -> dict[str, Any]:
        analysis = self.analysis
        return {
            "count": analysis.failure_count,
            "scored": analysis.scored_count,
            "distinct_inputs": len(analysis.failing),
            "clusters": self.trial.clusters if self.trial else None,
            "mean_score": analysis.mean_score,
            "failed_rules": analysis.rule_counts,
            "lookback_minutes": self.lookback_minutes,
            "unscored": {
                f"{row.service} {row.code}".strip(): row.times for row in self.window.unscored
            },
            "surprise": {
                "p_value": analysis.surprise.p_value,
                "baseline_failure_rate": analysis.surprise.baseline_failure_rate,
                "baseline_answers": analysis.surprise.baseline_answers,
            },
        }


def describe_contender(contender: Contender) -> dict[str, Any]:
    """A candidate's record on the choosing inputs."""
    screening = contender.screening
    return {
        "candidate_id": str(contender.candidate_id),
        "strategy": contender.candidate.strategy,
        "rationale": contender.candidate.rationale,
        "scored": len(contender.results),
        "passed": sum(result.passed for result in contender.results.values()),
        "incumbent_passed": sum(
            contender.incumbent_results[name].passed
            for name in contender.results
            if name in contender.incumbent_results
        ),
        "mean_score": screening.candidate_mean,
        "incumbent_mean_score": screening.incumbent_mean,
        "wins": screening.wins,
        "losses": screening.losses,
    }


def describe_inputs(trial: TrialInputs) -> dict[str, Any]:
    """Which inputs there were, by half."""
    guards_alone = [item for item in trial.guards if item not in trial.verdict]
    used = [
        *((item, "choosing") for item in trial.choosing),
        *((item, "verdict") for item in trial.verdict),
        *((item, "guard") for item in guards_alone),
    ]
    return {
        "choosing": len(trial.choosing),
        "verdict": len(trial.verdict),
        "guard": len(trial.guards),
        "used": {item.id: _describe_input(item, half) for item, half in used},
    }


def describe_verdict(verdict: Verdict) -> dict[str, Any]:
    """The decision with all the pairs behind it."""
    decision = verdict.decision
    return {
        **asdict(decision),
        "promote": verdict.promote,
        "reason": verdict.reason,
        "alpha": SIGNIFICANCE_LEVEL,
        "strategy": verdict.contender.candidate.strategy,
        "candidate_id": str(verdict.contender.candidate_id),
        "incumbent_passed": _passes(verdict.incumbent, verdict),
        "candidate_passed": _passes(verdict.candidate, verdict),
        "pairs": [asdict(pair) for pair in verdict.pairs],
        "guards": {
            "checked": verdict.damage.checked,
            "newly_failing": list(verdict.damage.newly_failing),
            "allowed": verdict.damage.allowed,
        },
        "control": {
            "scored": len(verdict.control),
            "passed": sum(result.passed for result in verdict.control.values()),
            "mean": _mean([result.score for result in verdict.control.values()]),
            "label": verdict.label,
        },
        "unscored": len(verdict.unscored),
        "evaluator_fingerprints": sorted(
            {
                result.fingerprint
                for result in (*verdict.incumbent.values(), *verdict.candidate.values())
            }
        ),
    }


def _describe_input(item: ReplayInput, half: str) -> dict[str, str]:
    return {
        "source": item.source,
        "half": half,
        "fingerprint": item.fingerprint,
        "text": item.user_input[:MAX_TEXT_CHARACTERS],
    }


def _passes(results: Mapping[str, Any], verdict: Verdict) -> int:
    return sum(results[pair.input_id].passed for pair in verdict.pairs)


def _mean(scores: Sequence[float]) -> float | None:
    return sum(scores) / len(scores) if scores else None
