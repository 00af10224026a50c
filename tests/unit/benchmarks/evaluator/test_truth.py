from collections.abc import Mapping, Sequence

import pytest

from benchmarks.evaluator.request_forms import Example
from benchmarks.evaluator.simple_tasks import SimpleTask
from benchmarks.evaluator.truth import Truth, TruthError, run_simple, same_value
from services.evaluator.app.sandbox import Availability, Execution, Opaque, Step, StepResult

TASK = SimpleTask(
    name="f",
    request="Write f.",
    examples=(Example("f(1)", "1"), Example("f(2)", "4")),
    asserts=(Example("f(3)", "9"),),
    solution="def f(n):\n    return n * n\n",
)
ANSWER = "```python\ndef f(n):\n    return n * n\n```"


class ScriptedSandbox:
    """Answers steps from a table; a step that it lacks never ends."""

    def __init__(self, values: Mapping[str, StepResult], *, loads: bool = True) -> None:
        self.values = values
        self.loads = loads
        self.sources: list[str] = []

    @property
    def availability(self) -> Availability:
        return Availability("jail")

    async def start(self) -> Availability:
        return self.availability

    async def run(self, source: str, steps: Sequence[Step]) -> Execution:
        self.sources.append(source)
        if not self.loads:
            return Execution("load_failed", loaded=False, error="NameError")
        results: list[StepResult] = []
        for step in steps:
            if step not in self.values or (results and results[-1].outcome == "not_finished"):
                results.append(StepResult("not_finished"))
            else:
                results.append(self.values[step])
        stopped = any(one.outcome == "not_finished" for one in results)
        status = "stopped" if stopped else "finished"
        return Execution(status, loaded=True, steps=tuple(results))

    async def close(self) -> None:
        pass


def returned(value: object) -> StepResult:
    return StepResult("returned", value=value)


RIGHT = {"f(1)": returned(1), "f(2)": returned(4), "f(3)": returned(9)}


async def test_what_keeps_everything_is_right() -> None:
    sandbox = ScriptedSandbox(RIGHT)
    truth = await run_simple(sandbox, TASK, ANSWER)
    assert truth == Truth(right=True, loads=True, gives_value=True, contradicts=())
    assert sandbox.sources[0].startswith("def f(n):")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"f(3)": returned(8)}, Truth(False, True, True, ())),
        ({"f(3)": returned(None)}, Truth(False, True, False, ())),
        ({"f(3)": StepResult("raised", error="ValueError")}, Truth(False, True, False, ())),
        ({"f(2)": returned(3)}, Truth(False, True, True, (1,))),
        ({"f(1)": returned(Opaque("numpy.int64"))}, Truth(False, True, True, (0,))),
    ],
)
async def test_what_misses_something_is_wrong(
    changed: dict[str, StepResult], expected: Truth
) -> None:
    assert await run_simple(ScriptedSandbox({**RIGHT, **changed}), TASK, ANSWER) == expected


async def test_a_step_that_never_ends_hides_none_of_the_others() -> None:
    endless = {step: result for step, result in RIGHT.items() if step != "f(1)"}
    truth = await run_simple(ScriptedSandbox(endless), TASK, ANSWER)
    assert truth == Truth(right=False, loads=True, gives_value=True, contradicts=(0,))


async def test_what_does_not_load_keeps_nothing() -> None:
    truth = await run_simple(ScriptedSandbox({}, loads=False), TASK, ANSWER)
    assert truth == Truth(right=False, loads=False, gives_value=False, contradicts=(0, 1))


async def test_an_answer_without_code_keeps_nothing() -> None:
    truth = await run_simple(ScriptedSandbox(RIGHT), TASK, "I can't do that, sorry.")
    assert truth == Truth(right=False, loads=False, gives_value=False, contradicts=(0, 1))


async def test_where_the_sandbox_is_in_the_way_there_is_no_truth() -> None:
    hindered = {**RIGHT, "f(3)": StepResult("inconclusive", message="no sockets here")}
    with pytest.raises(TruthError, match="no sockets here"):
        await run_simple(ScriptedSandbox(hindered), TASK, ANSWER)


@pytest.mark.parametrize(
    ("value", "expected", "same"),
    [
        (1, 1, True),
        (98.60000000000001, 98.6, True),
        (98.61, 98.6, False),
        (1, 1.0, True),
        ([1.0000000001, "a"], [1, "a"], True),
        ([1, 2], [1], False),
        ((1, 2), [1, 2], False),
        ("1", 1, False),
        (True, 1, True),
        ({"a": 1}, {"a": 1}, True),
        (None, None, True),
        (None, False, False),
        (Opaque("T"), None, False),
    ],
)
def test_values_are_the_same_but_for_rounding(value: object, expected: object, same: bool) -> None:
    assert same_value(value, expected) is same
