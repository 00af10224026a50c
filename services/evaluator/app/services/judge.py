"""Judges: who gives the 60 % that rules can't. The rubric judge, which needs no model."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

from services.common.task_types.rules import RuleReport
from services.evaluator.app.services.evidence import Evidence
from services.evaluator.app.services.rubric import grade_by_rubric

RUBRIC_JUDGE = "rubric"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's grade.

    Attributes:
        score: In [0, 1]; higher is better. The mean, where it was asked more than once.
        reason: Why, in words.
        confidence: The judge's own, in [0, 1]; 1 for the rubric, which is deterministic.
        criteria: The rubric's grades, where it was the rubric.
        judgements: Every grade that the score is the mean of, in the order given.
        spread: The largest of them less the smallest, in [0, 1].
    """

    score: float
    reason: str
    confidence: float = 1.0
    criteria: tuple[dict[str, Any], ...] = ()
    judgements: tuple[float, ...] = ()
    spread: float = 0.0


class Judge(Protocol):
    """Grades an answer by its evidence."""

    name: str
    identity: str

    async def judge(self, evidence: Evidence, report: RuleReport, request: str) -> Judgement:
        """Grade.

        Raises:
            UnscoredError: If no usable grade can be had.
        """
        ...

    async def close(self) -> None:
        """Let go of what the judge holds."""
        ...


class RubricJudge:
    """Grades by the rubric: no model, the same grade for the same answer, always."""

    name = RUBRIC_JUDGE
    identity = RUBRIC_JUDGE

    async def judge(self, evidence: Evidence, report: RuleReport, request: str) -> Judgement:  # noqa: ARG002
        """Grade by the weighted mean of the rubric's criteria."""
        graded = grade_by_rubric(evidence)
        score = math.fsum(criterion.weight * grade.value for criterion, grade in graded)
        weakest = min(graded, key=lambda pair: pair[1].value)[1]
        return Judgement(
            score=min(1.0, score),
            reason=f"by the rubric; its weakest point: {weakest.reason}",
            criteria=tuple(
                {
                    "name": criterion.name,
                    "weight": criterion.weight,
                    "grade": grade.value,
                    "reason": grade.reason,
                }
                for criterion, grade in graded
            ),
        )

    async def close(self) -> None:
        """Nothing is held."""
