"""Describes the parts of a heal for its report: inputs, candidates, the decision. Pure."""

from dataclasses import asdict
from statistics import fmean
from typing import Any

from services.optimizer.app.services.log.log_records import PastPrompt
from services.optimizer.app.services.proof.replay_results import ReplayInput
from services.optimizer.app.services.proof.trial import TrialInputs
from services.optimizer.app.services.repair.contest import Contender
from services.optimizer.app.services.repair.gate import GateDecision

MAX_TEXT_CHARACTERS = 200


def describe_past(past: PastPrompt) -> dict[str, Any]:
    """Tell which earlier prompt is meant, and how it did."""
    return {
        "prompt_id": past.prompt_id,
        "version": past.version,
        "digest": past.digest,
        "scored": past.scored,
        "passed": past.passed,
    }


def describe_contender(contender: Contender) -> dict[str, Any]:
    """Tell how a candidate did on the choosing inputs; a draft had none of them."""
    screening = contender.screening
    described = {
        "candidate_id": str(contender.candidate_id),
        "strategy": contender.candidate.strategy,
        "rationale": contender.candidate.rationale,
    }
    if not contender.results:
        return described
    return described | {
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


def describe_inputs(trial: TrialInputs, decision: GateDecision | None = None) -> dict[str, Any]:
    """Tell which inputs there were, by half.

    Args:
        decision: What it rests on is named as well, of the reserve and of the spare guards.
    """
    run_on: set[str] = set()
    if decision is not None:
        pairs = (pair.input_id for pair in decision.pairs)
        run_on = {*decision.damage.newly_failing, *pairs}
    proving = [*trial.proving, *(item for item in trial.reserve if item.id in run_on)]
    spare = [item for item in trial.spare_guards if item.id in run_on]
    guards_alone = [item for item in (*trial.guards, *spare) if item not in proving]
    used = [
        *((item, "choosing") for item in trial.choosing),
        *((item, "verdict") for item in proving),
        *((item, "guard") for item in guards_alone),
    ]
    return {
        "choosing": len(trial.choosing),
        "verdict": len(trial.proving),
        "guard": len(trial.guards),
        "used": {item.id: _describe_input(item, half) for item, half in used},
    }


def describe_decision(decision: GateDecision) -> dict[str, Any]:
    """Tell the gate's decision with all the pairs behind it."""
    control = decision.control.values()
    return {
        **asdict(decision.bet),
        "promote": decision.promote,
        "reason": decision.reason,
        "alpha": decision.wager.alpha,
        "wager": {
            "number": decision.wager.number,
            "earlier_gains": list(decision.wager.gains),
        },
        "strategy": decision.contender.candidate.strategy,
        "informed_by_users": decision.contender.candidate.informed_by_users,
        "candidate_id": str(decision.contender.candidate_id),
        "incumbent_passed": decision.incumbent_passes,
        "candidate_passed": decision.candidate_passes,
        "pairs": [asdict(pair) for pair in decision.pairs],
        "guards": {
            **asdict(decision.damage),
            "newly_failing": list(decision.damage.newly_failing),
            "chance_of_noise": decision.damage.chance_of_noise,
        },
        "control": {
            "scored": len(control),
            "passed": sum(one.passed for one in control),
            "mean": fmean(one.score for one in control) if control else None,
            "label": decision.label,
        },
        "unscored": len(decision.unscored),
        "evaluator_fingerprints": sorted(
            {
                result.fingerprint
                for result in (*decision.incumbent.values(), *decision.candidate.values())
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
