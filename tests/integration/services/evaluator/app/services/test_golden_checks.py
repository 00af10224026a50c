"""Checks of golden inputs: they let every form of a right answer pass, and no wrong one."""

import asyncio
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from services.common.schemas import EvaluationRequest
from services.common.task_types import load_golden_inputs
from services.evaluator.app.sandbox import create_sandbox
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.services.judging.judge import RubricJudge

SLOTS = 4
GOLDEN = load_golden_inputs("code_generation")
INPUTS = {identifier: text for text, identifier in GOLDEN.ids.items()}
SOLUTIONS: dict[str, dict[str, list[str]]] = tomllib.loads(
    (Path(__file__).parent / "data" / "golden_solutions.toml").read_text(encoding="utf-8")
)
ANSWERS = [
    (identifier, side, code)
    for identifier, sides in SOLUTIONS.items()
    for side, codes in sides.items()
    for code in codes
]
# Right forms that no check fits: they take arguments that nobody can guess.
NOT_TRIED = {"def quicksort(a, low, high)", "def __init__(self, owner)"}


def test_every_golden_input_is_tried_on_right_and_wrong_answers() -> None:
    assert set(SOLUTIONS) == set(INPUTS)
    for sides in SOLUTIONS.values():
        assert len(sides["right"]) >= 2
        assert len(sides["wrong"]) == 3
    assert all(len(GOLDEN.checks[text]) >= 3 for text in INPUTS.values())


@pytest.fixture
async def evaluation() -> AsyncIterator[Evaluation]:
    evaluation = Evaluation(RubricJudge(), sandbox=create_sandbox("auto", SLOTS))
    await evaluation.start()
    if not evaluation.availability.is_available:
        pytest.skip(f"code isn't run on this machine: {evaluation.availability.problem}")
    yield evaluation
    await evaluation.close()


async def judge(evaluation: Evaluation, identifier: str, code: str) -> tuple[bool, dict[str, Any]]:
    text = INPUTS[identifier]
    verdict, detail = await evaluation.evaluate(
        EvaluationRequest(
            request_id=uuid4(),
            task_type="code_generation",
            user_input=text,
            refined_input=text,
            worker_output=f"```python\n{code.strip()}\n```",
            golden_id=identifier,
        )
    )
    return verdict.passed, detail


def outcome_of(detail: dict[str, Any]) -> str:
    return next(r["outcome"] for r in detail["rules"] if r["name"] == "passes_the_checks")


async def test_right_forms_pass_and_wrong_answers_fail_by_a_check(evaluation: Evaluation) -> None:
    free = asyncio.Semaphore(SLOTS)
    surprises: list[str] = []

    async def look_at(identifier: str, side: str, code: str) -> None:
        async with free:
            passed, detail = await judge(evaluation, identifier, code)
        untried = any(form in code for form in NOT_TRIED)
        wanted = "failed" if side == "wrong" else "not_applicable" if untried else "passed"
        if outcome_of(detail) != wanted or passed != (side == "right"):
            told = [f"{o['ran']}: {o['reason']}" for o in detail["execution"]["observations"]]
            surprises.append(f"{identifier} {side}: {code.strip()}\n  {outcome_of(detail)} {told}")

    await asyncio.gather(*(look_at(*answer) for answer in ANSWERS))
    assert not surprises, "\n".join(surprises)
