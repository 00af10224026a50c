"""What a heal leaves on record: the failures, the candidates, the verdict with all its pairs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from services.optimizer.app.services.candidates import Candidate
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.promotion import Decision
from services.optimizer.app.services.replay import ReplayResult
from services.optimizer.app.services.trial import pair_scores


@dataclass(frozen=True, slots=True)
class Contender:
    """A candidate with its replays on the choosing inputs."""

    candidate: Candidate
    candidate_id: UUID
    results: Mapping[str, ReplayResult]
    screening: Decision


def describe_analysis(analysis: FailureAnalysis) -> dict[str, Any]:
    """The failures, as the report has them."""
    return {
        "count": analysis.failure_count,
        "scored": analysis.scored_count,
        "distinct_inputs": len(analysis.failing),
        "mean_score": analysis.mean_score,
        "failed_rules": analysis.rule_counts,
    }


def describe_contender(contender: Contender) -> dict[str, Any]:
    """A candidate's record on the choosing inputs, as the report has it."""
    return {
        "candidate_id": str(contender.candidate_id),
        "strategy": contender.candidate.strategy,
        "rationale": contender.candidate.rationale,
        "mean_score": contender.screening.candidate_mean,
        "incumbent_mean_score": contender.screening.incumbent_mean,
        "wins": contender.screening.wins,
        "losses": contender.screening.losses,
    }


def describe_verdict(
    decision: Decision,
    best: Contender,
    before: Mapping[str, ReplayResult],
    after: Mapping[str, ReplayResult],
) -> dict[str, Any]:
    """The decision with all the pairs behind it, as the report has it."""
    return {
        **asdict(decision),
        "strategy": best.candidate.strategy,
        "candidate_id": str(best.candidate_id),
        "incumbent_passed": sum(result.passed for result in before.values()),
        "candidate_passed": sum(result.passed for result in after.values()),
        "pairs": [asdict(pair) for pair in pair_scores(before, after)],
        "evaluator_fingerprints": sorted(
            {result.fingerprint for result in (*before.values(), *after.values())}
        ),
    }
