"""The rubric judge: the rubric's weighted mean, with the reason for what it lacks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.evaluation_detail import CriterionDetail
from services.common.task_types.rules import Criterion, Grade, RuleResults
from services.evaluator.app.services.judging.judge import JudgedAnswer, Judgement, RubricJudge
from services.evaluator.app.services.rubric import responds, stays_on_topic

NOTHING_FOUND = RuleResults((), score=0.0)


async def judge(*grades: tuple[Criterion, Grade]) -> Judgement:
    case = JudgedAnswer("code_generation", "Write a search", "def search(): ...", grades)
    return await RubricJudge().judge(case, NOTHING_FOUND)


async def test_the_grade_is_the_weighted_mean_of_the_criteria() -> None:
    judgement = await judge(
        (Criterion(responds, 0.3), Grade(1, "it replies")),
        (Criterion(stays_on_topic, 0.7), Grade(0.5, "half of it does")),
    )
    assert judgement.score == pytest.approx(0.3 + 0.35)
    assert judgement.confidence == 1
    assert judgement.criteria == (
        CriterionDetail(name="responds", weight=0.3, grade=1, reason="it replies"),
        CriterionDetail(name="stays_on_topic", weight=0.7, grade=0.5, reason="half of it does"),
    )


async def test_a_criterion_without_a_grade_does_not_count() -> None:
    judgement = await judge((Criterion(stays_on_topic, 0.2), Grade(0.5, "half of it does")))
    assert judgement.score == pytest.approx(0.5)


async def test_the_reason_names_the_weakest_point() -> None:
    judgement = await judge(
        (Criterion(responds, 0.5), Grade(1, "it replies")),
        (Criterion(stays_on_topic, 0.5), Grade(0, "it speaks of something else")),
    )
    assert judgement.reason == "by the rubric; its weakest point: it speaks of something else"


async def test_nothing_to_grade_is_no_good_grade() -> None:
    assert (await judge()).score == 0


@given(
    st.lists(
        st.tuples(st.floats(0.01, 1), st.floats(0, 1)).map(
            lambda pair: (Criterion(responds, pair[0]), Grade(pair[1], "since"))
        )
    )
)
async def test_every_grade_is_in_the_unit_range(grades: list[tuple[Criterion, Grade]]) -> None:
    assert 0 <= (await judge(*grades)).score <= 1


async def test_nothing_is_held_open() -> None:
    await RubricJudge().close()
