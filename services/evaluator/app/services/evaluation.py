"""One evaluation: evidence, rules, judge, score, and the detail that explains it."""

import hashlib
from pathlib import Path
from typing import Any

from services.common.schemas import EvaluationRequest
from services.common.task_types.rules import RuleReport
from services.evaluator.app.services.evidence import gather_evidence
from services.evaluator.app.services.judge import Judge, Judgement
from services.evaluator.app.services.scorer import Verdict, reach_verdict
from services.evaluator.app.services.validators import validate

# A change in any of these can change a score.
FINGERPRINTED = (
    "code_extraction.py",
    "code_reading.py",
    "evidence.py",
    "judge.py",
    "llm_judge.py",
    "request_reading.py",
    "rubric.py",
    "scorer.py",
    "validators.py",
)


def fingerprint_evaluator(judge_identity: str) -> str:
    """What gave a score: a hash of the rules, the rubric, the judge's model and its prompt.

    Scores of two fingerprints are not comparable.
    """
    digest = hashlib.sha256(judge_identity.encode())
    for name in FINGERPRINTED:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()[:16]


class Evaluation:
    """Scores answers with one judge.

    Args:
        judge: Gives the 60 % that rules can't.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.fingerprint = fingerprint_evaluator(judge.identity)

    @property
    def judge_name(self) -> str:
        """Who judges: `rubric`, or a model's `provider:name`."""
        return self._judge.name

    async def evaluate(self, request: EvaluationRequest) -> tuple[Verdict, dict[str, Any]]:
        """Score an answer and explain the score.

        Raises:
            UnscoredError: If the judge gives no usable grade.
        """
        evidence = gather_evidence(
            task_type=request.task_type,
            user_input=request.user_input,
            answer=request.worker_output,
        )
        report = validate(evidence)
        judgement = await self._judge.judge(evidence, report, request.user_input)
        verdict = reach_verdict(
            report.score, judgement.score, demonstrably_fails=bool(report.cap_reasons)
        )
        return verdict, self._explain(verdict, report, judgement)

    def _explain(
        self, verdict: Verdict, report: RuleReport, judgement: Judgement
    ) -> dict[str, Any]:
        """The `detail` of an evaluation, as it is answered and logged."""
        return {
            "rule_score": verdict.rule,
            "judge_score": verdict.judge,
            "capped": verdict.capped,
            "cap_reasons": report.cap_reasons,
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
                "name": self._judge.name,
                "score": judgement.score,
                "reason": judgement.reason,
                "confidence": judgement.confidence,
                "criteria": list(judgement.criteria),
            },
            "evaluator": {"fingerprint": self.fingerprint},
        }
