"""The `detail` of an evaluation: what was run, what came back, and why it scored as it did."""

from typing import Any

from services.common.task_types.rules import RuleReport
from services.common.text import make_storable
from services.evaluator.app.sandbox.run.execution import Availability
from services.evaluator.app.services.behaviour.assessment import Observation
from services.evaluator.app.services.behaviour.rules import Run
from services.evaluator.app.services.judging.judge import Judgement
from services.evaluator.app.services.scorer import Verdict

# Printed text is kept as a hint for people; the log row needn't carry all of it.
MAX_OUTPUT_CHARACTERS = 500


def explain(
    verdict: Verdict,
    report: RuleReport,
    judgement: Judgement,
    *,
    judge: str,
    fingerprint: str,
    run: Run | None,
    availability: Availability,
) -> dict[str, Any]:
    """Put an evaluation into plain JSON values, as it is answered and logged."""
    detail: dict[str, Any] = {
        "rule_score": verdict.rule,
        "judge_score": verdict.judge,
        "capped": verdict.capped,
        "cap_reasons": report.cap_reasons,
        "execution": describe_run(run, availability),
        "rules": [
            {
                "name": result.rule.name,
                "weight": result.rule.weight,
                "outcome": result.finding.outcome,
                "reason": result.finding.reason,
            }
            for result in report.results
        ],
        "judge": {
            "name": judge,
            "score": judgement.score,
            "reason": judgement.reason,
            "confidence": judgement.confidence,
            "criteria": list(judgement.criteria),
            "judgements": list(judgement.judgements),
            "spread": judgement.spread,
        },
        "evaluator": {"fingerprint": fingerprint},
    }
    storable: dict[str, Any] = make_storable(detail)
    return storable


def describe_run(run: Run | None, availability: Availability) -> dict[str, Any]:
    """What was run and what came back; `not_run` where the answer holds nothing to run."""
    if run is None:
        return {"status": "not_run", "reason": "the answer holds no program that parses"}
    execution = run.execution
    return {
        "status": execution.status,
        "reason": execution.reason,
        "backend": availability.backend,
        "layers": list(execution.layers),
        "cpu_ms": execution.cpu_ms,
        "wall_ms": execution.wall_ms,
        "output": execution.output[:MAX_OUTPUT_CHARACTERS],
        "output_cut": execution.output_cut or len(execution.output) > MAX_OUTPUT_CHARACTERS,
        "observations": [_describe(one) for one in run.behaviour.observations],
    }


def _describe(observation: Observation) -> dict[str, Any]:
    return {
        "kind": observation.kind,
        "ran": observation.ran,
        "came_back": observation.came_back,
        "expected": observation.expected,
        "verdict": observation.verdict,
        "reason": observation.reason,
    }
