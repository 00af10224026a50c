"""The labelled set's labels, proven: right answers keep every assert, wrong ones break one."""

import ast
import re
from collections.abc import AsyncIterator

import pytest

from services.evaluator.app.sandbox import Sandbox, create_sandbox
from services.evaluator.app.sandbox.run.execution import StepResult
from services.evaluator.app.services.code.extraction import extract_code
from services.evaluator.app.services.code.syntax import names_bound
from services.evaluator.app.services.oversight.calibration.labelled_set import (
    LabelledAnswer,
    load_labelled_answers,
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = create_sandbox("auto", 1)
    availability = await sandbox.start()
    if not availability.is_available:
        pytest.skip(f"code isn't run on this machine: {availability.problem}")
    yield sandbox
    await sandbox.close()


async def run_asserts(item: LabelledAnswer, sandbox: Sandbox) -> dict[str, StepResult]:
    """What each assert's expression came to; nothing where there is no code that loads."""
    code = extract_code(item.answer)
    if code is None or code.tree is None:
        return {}
    expressions = [expression for expression, _ in item.asserts]
    execution = await sandbox.run(code.source, expressions)
    if not execution.loaded:
        assert execution.status == "load_failed", f"{execution.status}: {execution.reason}"
        return {}
    assert all(step.outcome in ("returned", "raised") for step in execution.steps)
    return dict(zip(expressions, execution.steps, strict=True))


def is_kept(step: StepResult, literal: str) -> bool:
    expected = ast.literal_eval(literal)
    same = step.value == expected and type(step.value) is type(expected)
    return step.outcome == "returned" and same


async def keeps_every_assert(item: LabelledAnswer, sandbox: Sandbox) -> bool:
    steps = await run_asserts(item, sandbox)
    return bool(steps) and all(is_kept(steps[run], literal) for run, literal in item.asserts)


def is_of_the_form(item: LabelledAnswer) -> bool:
    """Whether there is code that defines the function or class that the asserts call."""
    code = extract_code(item.answer)
    called = re.findall(r"\w+(?=\()", item.asserts[-1][0])
    return code is not None and code.tree is not None and called[0] in names_bound(code.tree)


async def is_shown_by(item: LabelledAnswer, sandbox: Sandbox) -> bool:
    """Whether a wrong answer is shown to be wrong by what its `shown_by` says, and no less."""
    steps = await run_asserts(item, sandbox)
    has_form = is_of_the_form(item)
    gives_value = any(step.value is not None for step in steps.values())
    broken = {run for run, literal in item.asserts if steps and not is_kept(steps[run], literal)}
    match item.shown_by:
        case "form":
            return not has_form
        case "no value":
            return has_form and not gives_value
        case "":
            # An example that stands in the request word for word is kept.
            return has_form and gives_value and not any(run in item.request for run in broken)
    return has_form and item.shown_by in broken


async def test_every_label_holds(sandbox: Sandbox) -> None:
    mislabelled = [
        item.id
        for item in load_labelled_answers()
        if await keeps_every_assert(item, sandbox) is not item.passes
    ]
    assert mislabelled == []


async def test_what_shows_a_wrong_answer_to_be_wrong_does(sandbox: Sandbox) -> None:
    wrong = [item for item in load_labelled_answers() if not item.passes]
    assert [item.id for item in wrong if not await is_shown_by(item, sandbox)] == []
