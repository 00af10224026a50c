import ast
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from support.rows import for_each

from benchmarks.evaluator.labelled_answers import CANONICAL
from benchmarks.evaluator.mutations import KINDS
from benchmarks.evaluator.truth import TruthError
from benchmarks.evaluator.working_tasks.answers import (
    MUTANTS_A_TASK,
    TaskAnswers,
    answer_task,
    is_right,
    make_cases,
    order_mutants,
)
from benchmarks.evaluator.working_tasks.tasks import ExpectedRun, WorkingTask, read_working_tasks
from services.evaluator.app.sandbox import NoSandbox, Sandbox, create_sandbox

in_one_loop = pytest.mark.asyncio(loop_scope="module")
TASKS = read_working_tasks()
# All of them are run by `python -m benchmarks.evaluator.working_tasks --check`.
SAMPLE = [*TASKS[::25], next(task for task in TASKS if task.kind == "program")]

CLAMP = WorkingTask(
    name="clamp",
    domain="numbers",
    kind="function",
    entry="clamp",
    request="clamp(n, low, high)",
    example="clamp(5, 0, 3) == 3",
    solutions=(
        "def clamp(n, low, high):\n    if n < low: return low\n    return min(n, high)\n",
        "def clamp(n, low, high):\n    return max(low, min(n, high))\n",
    ),
    asserts=("clamp(1, 0, 3) == 1", "clamp(-1, 0, 3) == 0", "clamp(9, 0, 3) == 3"),
    runs=(),
)
GREETER = WorkingTask(
    name="greeter",
    domain="texts",
    kind="program",
    entry="",
    request="Greet stdin.",
    example="bo -> hi bo",
    solutions=("print('hi', input())\n", "import sys\nprint('hi ' + sys.stdin.readline())\n"),
    asserts=(),
    runs=(ExpectedRun("al\n", (), "hi al\n"), ExpectedRun("cy", (), "hi cy")),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = create_sandbox("auto", 1)
    availability = await sandbox.start()
    if not availability.is_available:
        pytest.skip(f"code isn't run on this machine: {availability.problem}")
    yield sandbox
    await sandbox.close()


@pytest.mark.parametrize(
    ("code", "right"),
    [
        (CLAMP.solutions[0], True),
        (CLAMP.solutions[1], True),
        ("def clamp(n, low, high):\n    return min(n, high)\n", False),
        ("def clamp(n, low, high):\n    raise ValueError\n", False),
        ("def clamp(:\n", False),
    ],
)
@in_one_loop
async def test_a_function_is_right_by_its_asserts(sandbox: Sandbox, code: str, right: bool) -> None:
    assert await is_right(sandbox, CLAMP, code) is right


@pytest.mark.parametrize(
    ("code", "right"),
    [
        (GREETER.solutions[0], True),
        ("print('hi', input(), '  ')\nraise SystemExit\n", True),
        ("import sys\nsys.stdout.write('hi ' + sys.stdin.buffer.read().decode())\n", True),
        ("if __name__ == '__main__':\n    print('hi', input())\n", True),
        ("print('hi', input(), 'again')\n", False),
        ("print('hi', input())\nraise SystemExit(2)\n", False),
        ("print('hi', input(), input())\n", False),
        ("print('hi'", False),
    ],
)
@in_one_loop
async def test_a_program_is_right_by_what_it_prints(
    sandbox: Sandbox, code: str, right: bool
) -> None:
    assert await is_right(sandbox, GREETER, code) is right


@in_one_loop
async def test_a_program_finds_its_arguments(sandbox: Sandbox) -> None:
    task = WorkingTask(
        "echo", "texts", "program", "", "", "", (), (), (ExpectedRun("", ("a b", "-c"), "a b -c"),)
    )
    assert await is_right(sandbox, task, "import sys\nprint(*sys.argv[1:])\n")


@in_one_loop
async def test_asserts_may_call_what_the_setup_defines(sandbox: Sandbox) -> None:
    task = replace(
        CLAMP,
        setup="def twice(n):\n    return clamp(clamp(n, 0, 9), 0, 3)\n",
        asserts=("twice(12) == 3", "raises(TypeError, lambda: twice(None))"),
    )
    assert await is_right(sandbox, task, CLAMP.solutions[0])
    assert not await is_right(sandbox, task, "def clamp(n, low, high):\n    return n\n")


@in_one_loop
async def test_where_nothing_is_run_there_is_no_truth() -> None:
    with pytest.raises(TruthError, match="switched off"):
        await answer_task(NoSandbox("switched off"), CLAMP)


@in_one_loop
async def test_where_the_sandbox_is_in_the_way_there_is_no_truth(sandbox: Sandbox) -> None:
    with pytest.raises(TruthError):
        await is_right(sandbox, CLAMP, "import missing_module_of_nobody\n")


def test_mutants_are_ordered_by_kind_in_turns_and_always_alike() -> None:
    mutants = order_mutants(CLAMP)
    assert mutants == order_mutants(CLAMP)
    kinds = [mutant.kind for mutant in mutants]
    assert set(kinds) <= set(KINDS)
    first = list(dict.fromkeys(kinds))
    assert kinds[: len(first)] == first
    assert len({mutant.code for mutant in mutants}) == len(mutants)


@for_each(TASKS, name=lambda task: task.name)
def test_every_task_has_mutants_to_try(task: WorkingTask) -> None:
    mutants = order_mutants(task)
    assert len(mutants) >= MUTANTS_A_TASK
    for mutant in mutants:
        ast.parse(mutant.code)


@in_one_loop
async def test_solutions_are_right_and_mutants_wrong(sandbox: Sandbox) -> None:
    for task in SAMPLE:
        answers = await answer_task(sandbox, task)
        assert answers.refuted == (), task.name
        assert len(answers.wrong) == MUTANTS_A_TASK, task.name
        for one in answers.wrong:
            code = one.answer.removeprefix("```python\n").removesuffix("```\n")
            assert not await is_right(sandbox, task, code), one.id


@in_one_loop
async def test_a_solution_that_breaks_an_assert_is_refuted(sandbox: Sandbox) -> None:
    wrong = replace(
        CLAMP, solutions=(CLAMP.solutions[0], "def clamp(n, low, high):\n    return n\n")
    )
    answers = await answer_task(sandbox, wrong)
    assert answers.refuted == (2,)


@in_one_loop
async def test_answers_that_contradict_the_example_are_known(sandbox: Sandbox) -> None:
    task = replace(CLAMP, shown=CLAMP.example)
    answers = await answer_task(sandbox, task)
    assert answers.refuted == ()
    cases = make_cases([answers])
    for case in cases:
        code = case.answer.answer.removeprefix("```python\n").removesuffix("```\n")
        keeps = await is_right(sandbox, replace(CLAMP, asserts=(CLAMP.example,)), code)
        assert case.contradicts_shown == case.betrayed == (case.form == "one" and not keeps)
    assert {case.betrayed for case in cases if case.form == "one"} == {True, False}


@in_one_loop
async def test_a_solution_that_breaks_the_example_is_refuted(sandbox: Sandbox) -> None:
    answers = await answer_task(sandbox, replace(CLAMP, shown="clamp(5, 0, 3) == 4"))
    assert answers.refuted == (1, 2)


@in_one_loop
async def test_every_answer_is_judged_with_an_example_and_without(sandbox: Sandbox) -> None:
    answers: TaskAnswers = await answer_task(sandbox, CLAMP)
    cases = make_cases([answers])
    assert Counter((case.form, case.answer.right) for case in cases) == {
        ("one", True): 2, ("none", True): 2, ("one", False): 3, ("none", False): 3,
    }  # fmt: skip
    assert {case.request for case in cases} == {CLAMP.ask("one"), CLAMP.ask("none")}
    assert cases[0].answer.answer == f"```python\n{CLAMP.solutions[0]}```\n"
    assert cases[0].answer.kind == CANONICAL
