"""Methods, programs and completions are called as their requests show it, in a real sandbox."""

import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.common.errors import NotJudgeableError
from services.common.schemas import EvaluationRequest
from services.evaluator.app.sandbox import create_sandbox
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.services.judging.judge import RubricJudge

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED = Path(__file__).parent / "data" / "what_is_called.toml"
OUTCOMES = ("right", "wrong", "untried")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def evaluation() -> AsyncIterator[Evaluation]:
    rubric = Evaluation(RubricJudge(), sandbox=create_sandbox("auto", slots=2))
    await rubric.start()
    if not rubric.availability.is_available:
        pytest.skip(f"no sandbox here: {rubric.availability.problem}")
    yield rubric
    await rubric.close()


def cases(kind: str) -> Iterator[tuple[str, str, str]]:
    """Yield each request of a kind with an answer and what becomes of that."""
    for asked in tomllib.loads(ASKED.read_text())["asked"]:
        for request in asked["requests"] if asked["kind"] == kind else ():
            for outcome in OUTCOMES:
                for answer in asked.get(outcome, ()):
                    yield request, answer, outcome


async def outcome_of(evaluation: Evaluation, request: str, answer: str) -> str:
    try:
        verdict, _ = await evaluation.evaluate(
            EvaluationRequest(
                request_id="5f1c2a8e-5a5e-4b0e-9d0e-1f2a3b4c5d6e",
                task_type="code_generation",
                user_input=request,
                refined_input=request,
                worker_output=answer,
            )
        )
    except NotJudgeableError:
        return "untried"
    return "right" if verdict.passed else "wrong"


@pytest.mark.parametrize(
    "kind", ["methods", "nodes", "code of the request", "programs", "values", "all of these"]
)
async def test_right_answers_pass_and_wrong_ones_fail(evaluation: Evaluation, kind: str) -> None:
    told = [
        (request, answer, outcome, await outcome_of(evaluation, request, answer))
        for request, answer, outcome in cases(kind)
    ]
    assert told
    assert [one for one in told if one[2] != one[3]] == []
