"""The interface of judges, which give 60 % of a score, and the judge that needs no model."""

import math
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

from services.common.evaluation_detail import CriterionDetail
from services.common.resilience.breaker import Breaker
from services.common.schemas import Conversation
from services.common.task_types.rules import Criterion, Grade, RuleResults

RUBRIC_JUDGE = "rubric"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's grade and its reasons.

    Attributes:
        score: The grade in [0, 1], higher is better; the mean where the judge was asked twice.
        confidence: The judge's own confidence, in [0, 1]; 1 for the rubric.
        criteria: The grade of each criterion, where the rubric was the judge.
        spread: The largest grade less the smallest, in [0, 1].
        second_look: Why there is no second grade although the first was close to the threshold.
    """

    score: float
    reason: str
    confidence: float = 1.0
    criteria: tuple[CriterionDetail, ...] = ()
    judgements: tuple[float, ...] = ()
    spread: float = 0.0
    second_look: str = ""


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """An answer to judge, with its request.

    Attributes:
        grades: The rubric's criteria that could be graded, each with its grade.
        conversation: The conversation that the request is the last message of.
    """

    task_type: str
    user_input: str
    answer: str
    grades: tuple[tuple[Criterion, Grade], ...] = ()
    conversation: Conversation | None = None


class Judge(Protocol):
    """Grades answers.

    Attributes:
        name: `rubric`, or a model's `provider:name`.
        identity: The name and a version, which changes with everything that can change a grade.
        can_judge_unseen: Whether it can grade code that could not be run.
        breaker: Of the model's provider; None without a model.
    """

    name: str
    identity: str
    can_judge_unseen: bool
    breaker: Breaker | None

    async def judge(self, case: JudgedAnswer, rules: RuleResults) -> Judgement:
        """Grade an answer.

        Raises:
            UnscoredError: If no usable grade can be had.
        """
        ...

    async def close(self) -> None:
        """Close the judge's connections."""
        ...


class RubricJudge(Judge):
    """Grades by the rubric: needs no model, and gives the same answer the same grade."""

    name = RUBRIC_JUDGE
    identity = RUBRIC_JUDGE
    can_judge_unseen = False
    breaker = None

    @override
    async def judge(self, case: JudgedAnswer, rules: RuleResults) -> Judgement:
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

    @override
    async def close(self) -> None:
        pass
