"""One solution in the forms that models give it in: a right one passes, a wrong one fails."""

import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import indent

import pytest
import pytest_asyncio

from services.common.errors import NotJudgeableError
from services.common.schemas import EvaluationRequest
from services.evaluator.app.sandbox import create_sandbox
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.services.judging.judge import RubricJudge

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUEST = (
    "Write a function add_tax(price, rate) that returns the price with tax added, rounded to two "
    "decimals. For example, add_tax(100, 0.2) should return 120.0"
)
RIGHT = '''def add_tax(price, rate):
    """Return the price with tax added, rounded to two decimals."""
    return round(price * (1 + rate), 2)'''
WRONG = RIGHT.replace("(1 + rate)", "rate")
TEMPLATES = tomllib.loads(
    (Path(__file__).parent / "data" / "answers_as_given.toml").read_text("utf-8")
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def rubric() -> AsyncIterator[Evaluation]:
    evaluation = Evaluation(RubricJudge(), sandbox=create_sandbox("auto", slots=2))
    await evaluation.start()
    if not evaluation.availability.is_available:
        pytest.skip(f"no sandbox here: {evaluation.availability.problem}")
    yield evaluation
    await evaluation.close()


def fill(template: str, code: str, draft: str) -> str:
    """Put a solution and a draft into a template."""
    forms = {
        "CODE_DIGITS": code.replace(", 2)", ", DIGITS)"),
        "CODE_MATH": code.replace("price *", "math.floor(1) * price *"),
        "CODE_FLOOR": code.replace("price *", "floor(1) * price *"),
        "NBSP": code.replace(" " * 4, "\u00a0" * 4),
        "CODE_TIMES": code.replace("price * (1 + rate)", "times(price, 1 + rate)").replace(
            "price * rate", "times(price, rate)"
        ),
        "CODE_TAX": code.replace(", 2)", ", Tax().digits)"),
        "CODE": code,
        "DRAFT": draft,
        "LIST": indent(code, " " * 3),
        "DEEP": indent(code, " " * 4),
        "QUOTE": indent(code, "> "),
    }
    for name, text in forms.items():
        template = template.replace(name, text)
    return template


async def passes(rubric: Evaluation, answer: str, request: str = REQUEST) -> bool | str:
    asked = EvaluationRequest.model_validate(
        {
            "request_id": "5f1c2a8e-5a5e-4b0e-9d0e-1f2a3b4c5d6e",
            "task_type": "code_generation",
            "user_input": request,
            "refined_input": request,
            "worker_output": answer,
        }
    )
    try:
        verdict, _ = await rubric.evaluate(asked)
    except NotJudgeableError:
        return "unscored"
    return verdict.passed


@pytest.mark.parametrize("kind", sorted(TEMPLATES))
async def test_a_form_changes_no_verdict(kind: str, rubric: Evaluation) -> None:
    told = {}
    for name, template in TEMPLATES[kind].items():
        right, wrong = fill(template, RIGHT, WRONG), fill(template, WRONG, RIGHT)
        windows = right.replace("\n", "\r\n")
        told[name] = [await passes(rubric, one) for one in (right, wrong, windows)]
    assert {name: one for name, one in told.items() if one != [True, False, True]} == {}
