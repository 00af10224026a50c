"""Judges: who gives the 60 % that rules can't. The rubric judge, which needs no model."""

import math
from dataclasses import dataclass
from typing import Protocol

from services.common.evaluation_detail import CriterionDetail
from services.common.task_types.rules import Criterion, Grade, RuleReport

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
    criteria: tuple[CriterionDetail, ...] = ()
    judgements: tuple[float, ...] = ()
    spread: float = 0.0


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """An answer as a judge gets it.

    Attributes:
        task_type: What it was asked for as.
        user_input: The request, as its user wrote it.
        answer: What the Worker gave.
        grades: The rubric's criteria that could be graded, each with its grade.
    """

    task_type: str
    user_input: str
    answer: str
    grades: tuple[tuple[Criterion, Grade], ...] = ()


class Judge(Protocol):
    """Grades an answer by its evidence.

    Attributes:
        name: `rubric`, or a model's `provider:name`.
        identity: Changes with everything that can change a grade.
        can_judge_unseen: Whether it has an opinion of code that could not be run.
    """

    name: str
    identity: str
    can_judge_unseen: bool

    async def judge(self, case: JudgedAnswer, report: RuleReport) -> Judgement:
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
    can_judge_unseen = False

    async def judge(self, case: JudgedAnswer, report: RuleReport) -> Judgement:  # noqa: ARG002
        """Grade by the weighted mean of the criteria that have a grade."""
        total = math.fsum(criterion.weight for criterion, _ in case.grades)
        if not total:
            return Judgement(score=0.0, reason="by the rubric; nothing in it could be graded")
        earned = math.fsum(criterion.weight * grade.value for criterion, grade in case.grades)
        weakest = min(case.grades, key=lambda pair: pair[1].value)[1]
        return Judgement(
            score=min(1.0, earned / total),
            reason=f"by the rubric; its weakest point: {weakest.reason}",
            criteria=tuple(
                CriterionDetail(
                    name=criterion.name,
                    weight=criterion.weight,
                    grade=grade.value,
                    reason=grade.reason,
                )
                for criterion, grade in case.grades
            ),
        )

    async def close(self) -> None:
        """Nothing is held."""
