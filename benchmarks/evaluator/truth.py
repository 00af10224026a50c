"""Finds out which answers are right, by running their tests in the Evaluator's sandbox."""

import ast
import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.evaluator.human_eval import HumanEvalTask
from benchmarks.evaluator.request_forms import Example
from benchmarks.evaluator.simple_tasks import SimpleTask
from services.evaluator.app.sandbox import Opaque, Sandbox, StepResult, Value
from services.evaluator.app.services.code.extraction import extract_code

TOLERANCE = 1e-6


class TruthError(Exception):
    """A fact about an answer can't be found out by running it."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Facts that running an answer showed; see `LabelledAnswer`."""

    right: bool
    loads: bool
    gives_value: bool
    contradicts: tuple[int, ...]


async def find_plausible_calls(sandbox: Sandbox, task: HumanEvalTask) -> tuple[str, ...]:
    """Find calls of a task to which its own solution answers with a value.

    Raises:
        TruthError: If the sandbox was in the way.
    """
    results = await _take(sandbox, task.code, task.plausible_calls)
    calls = zip(task.plausible_calls, results or (), strict=False)
    return tuple(call for call, result in calls if _gives_value(result))


async def run_human_eval(
    sandbox: Sandbox, task: HumanEvalTask, code: str, calls: Sequence[str]
) -> Truth:
    """Run HumanEval's tests of a task over a solution, what its text shows, and these calls.

    Raises:
        TruthError: If the sandbox was in the way.
    """
    tested = await _take(sandbox, f"{code}\n\n{task.tests}", [task.check])
    right = tested is not None and tested[0].outcome == "returned"
    examples = [shown.example for shown in task.shown]
    return await _observe(sandbox, code, examples, calls, right=right)


async def run_simple(sandbox: Sandbox, task: SimpleTask, answer: str) -> Truth:
    """Run the hidden asserts of a task over an answer as it came.

    Raises:
        TruthError: If the sandbox was in the way.
    """
    extracted = extract_code(answer)
    if extracted is None:
        return Truth(right=False, loads=False, gives_value=False, contradicts=(0, 1))
    code = extracted.source
    results = await _take(sandbox, code, [one.call for one in task.truth])
    right = results is not None and all(
        _keeps(result, one) for result, one in zip(results, task.truth, strict=True)
    )
    calls = [one.call for one in task.asserts]
    return await _observe(sandbox, code, task.examples, calls, right=right)


def same_value(value: Value, expected: Value) -> bool:
    """Tell whether two values are equal; floating-point numbers may differ by rounding."""
    match value, expected:
        case Opaque(), _:
            return False
        case (bool() | str(), _) | (_, bool() | str()):
            return value == expected
        case ((int() | float()), (int() | float())):
            return math.isclose(value, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        case (list() as some, list() as others) | (tuple() as some, tuple() as others):
            return len(some) == len(others) and all(map(same_value, some, others))
    return value == expected


async def _observe(
    sandbox: Sandbox, code: str, examples: Sequence[Example], calls: Sequence[str], *, right: bool
) -> Truth:
    """Run the examples and plausible calls, and note what they show."""
    steps = [*calls, *(example.call for example in examples)]
    results = await _take(sandbox, code, steps)
    if results is None:
        return Truth(False, False, False, tuple(range(len(examples))))
    shown = results[len(calls) :]
    return Truth(
        right=right,
        loads=True,
        gives_value=all(map(_gives_value, results[: len(calls)])),
        contradicts=tuple(
            number
            for number, (result, example) in enumerate(zip(shown, examples, strict=True))
            if not _keeps(result, example)
        ),
    )


def _gives_value(result: StepResult) -> bool:
    return result.outcome == "returned" and result.value is not None


def _keeps(result: StepResult, example: Example) -> bool:
    expected: Value = ast.literal_eval(example.expected)
    return result.outcome == "returned" and same_value(result.value, expected)


async def _take(sandbox: Sandbox, code: str, steps: Sequence[str]) -> Sequence[StepResult] | None:
    """Take the steps; where one ended the run, each in a run of its own. None: doesn't load."""
    run = await sandbox.run(code, steps)
    if run.status in ("unavailable", "inconclusive"):
        raise TruthError(run.reason)
    if not run.loaded:
        return None
    results = run.steps
    if run.status == "stopped" and len(steps) > 1:
        results = tuple([(await sandbox.run(code, [step])).steps[0] for step in steps])
    obstacle = next((one.message for one in results if one.outcome == "inconclusive"), None)
    if obstacle is not None:
        raise TruthError(obstacle)
    return results
