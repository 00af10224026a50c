"""The rubric judge: the rubric's weighted mean, with the reason for what it lacks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.app.services.evidence import gather_evidence
from services.evaluator.app.services.judge import Judgement, RubricJudge
from services.evaluator.app.services.rubric import grade_by_rubric
from services.evaluator.app.services.validators import validate


async def judge(answer: str, request: str = "Write a binary search function") -> Judgement:
    evidence = gather_evidence(task_type="code_generation", user_input=request, answer=answer)
    return await RubricJudge().judge(evidence, validate(evidence), request)


async def test_the_grade_is_the_weighted_mean_of_the_criteria() -> None:
    judgement = await judge("def search(items, target):\n    return -1\n")
    assert judgement.score == pytest.approx(0.2 + 0.2 + 0.2 + 0.1)
    assert judgement.confidence == 1
    assert [criterion["name"] for criterion in judgement.criteria] == [
        "responds",
        "keeps_to_the_point",
        "stays_on_topic",
        "is_readable",
        "shows_itself_at_work",
    ]
    assert all(set(one) == {"name", "weight", "grade", "reason"} for one in judgement.criteria)


async def test_the_reason_names_the_weakest_point() -> None:
    judgement = await judge("")
    assert judgement.score == 0
    assert judgement.reason == "by the rubric; its weakest point: there is no reply, or a refusal"


@given(st.text())
async def test_the_same_answer_gets_the_same_grade_in_the_unit_range(answer: str) -> None:
    judgement = await judge(answer)
    assert 0 <= judgement.score <= 1
    assert judgement == await judge(answer)
    evidence = gather_evidence(task_type="code_generation", user_input="x", answer=answer)
    assert len(judgement.criteria) == len(grade_by_rubric(evidence))


async def test_nothing_is_held_open() -> None:
    await RubricJudge().close()
