"""The labelled set's labels, proven: right answers keep every assert, wrong ones break one."""

import ast
from collections.abc import AsyncIterator

import pytest

from services.evaluator.app.sandbox import Sandbox, create_sandbox
from services.evaluator.app.services.calibration_set import LabelledAnswer, load_labelled_answers
from services.evaluator.app.services.code_extraction import extract_code


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = create_sandbox("auto", 1)
    availability = await sandbox.start()
    if not availability.is_available:
        pytest.skip(f"code isn't run on this machine: {availability.problem}")
    yield sandbox
    await sandbox.close()


async def keeps_every_assert(item: LabelledAnswer, sandbox: Sandbox) -> bool:
    code = extract_code(item.answer)
    if code is None or code.tree is None:
        return False
    execution = await sandbox.run(code.source, [expression for expression, _ in item.asserts])
    if not execution.loaded:
        assert execution.status == "load_failed", f"{execution.status}: {execution.reason}"
        return False
    kept = []
    for step, (_, literal) in zip(execution.steps, item.asserts, strict=True):
        assert step.outcome in ("returned", "raised"), step
        expected = ast.literal_eval(literal)
        same = step.value == expected and type(step.value) is type(expected)
        kept.append(step.outcome == "returned" and same)
    return all(kept)


async def test_every_label_holds(sandbox: Sandbox) -> None:
    mislabelled = [
        item.id
        for item in load_labelled_answers()
        if await keeps_every_assert(item, sandbox) is not item.passes
    ]
    assert mislabelled == []
