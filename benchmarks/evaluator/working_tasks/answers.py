"""Right and wrong answers to the working tasks: the solutions, and mutants of the first of them.

Running what stays hidden, in the Evaluator's own sandbox, tells which answers are right.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import Final

from benchmarks.evaluator.labelled_answers import CANONICAL, LabelledAnswer
from benchmarks.evaluator.mutations import KINDS, Mutant, mutate_anywhere
from benchmarks.evaluator.scoring import Case
from benchmarks.evaluator.truth import TruthError
from benchmarks.evaluator.working_tasks.tasks import FORMS, ExpectedRun, WorkingTask
from services.evaluator.app.sandbox import Execution, Sandbox, create_sandbox

SLOTS: Final = 2
MUTANTS_A_TASK: Final = 3
# Mutants that are tried before a task has fewer than it should.
MOST_TRIES: Final = 60
# What every assert may call beside the answer's own names and its task's `setup`.
HELPERS: Final = """
def raises(error, call):
    try:
        call()
    except error:
        return True
    return False
"""
# Runs a program as a command line would, and returns what it prints.
HARNESS: Final = """
import contextlib
import io
import sys


def run_program(stdin, argv):
    sys.argv = ["program.py", *argv]
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(PROGRAM, "program.py", "exec"), {"__name__": "__main__"})
        except SystemExit as end:
            if end.code not in (None, 0):
                raise RuntimeError(f"status {end.code}") from end
    return printed.getvalue()
"""


@dataclass(frozen=True, slots=True)
class TaskAnswers:
    """The answers to one task.

    Attributes:
        task: The task.
        right: Its solutions.
        wrong: Mutants of the first of them.
        refuted: Solutions that what is hidden or shown proves wrong, by their number from 1.
    """

    task: WorkingTask
    right: tuple[LabelledAnswer, ...]
    wrong: tuple[LabelledAnswer, ...]
    refuted: tuple[int, ...]


async def is_right(sandbox: Sandbox, task: WorkingTask, code: str) -> bool:
    """Tell whether code keeps all that stays hidden.

    Raises:
        TruthError: If the sandbox was in the way.
    """
    if task.kind == "program":
        steps = [f"run_program({run.stdin!r}, {run.argv!r})" for run in task.runs]
        execution = await sandbox.run(f"PROGRAM = {code!r}\n{HARNESS}", steps)
        return _is_known(execution) and _prints_all(execution, task.runs)
    execution = await sandbox.run(f"{code}{HELPERS}{task.setup}", task.asserts)
    return _is_known(execution) and all(step.value is True for step in execution.steps)


def _is_known(execution: Execution) -> bool:
    """Tell whether the code has loaded.

    Raises:
        TruthError: If the sandbox was in the way.
    """
    if execution.status in ("unavailable", "inconclusive"):
        raise TruthError(execution.reason)
    obstacles = [step.message for step in execution.steps if step.outcome == "inconclusive"]
    if obstacles:
        raise TruthError(obstacles[0])
    return execution.loaded


def _prints_all(execution: Execution, runs: Sequence[ExpectedRun]) -> bool:
    return all(
        step.outcome == "returned"
        and isinstance(step.value, str)
        and _printed_lines(step.value) == _printed_lines(run.stdout)
        for step, run in zip(execution.steps, runs, strict=True)
    )


def _printed_lines(text: str) -> list[str]:
    """Split an output as graders compare it: without blanks at line ends and a final newline."""
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip("\n").split("\n")


async def find_wrong_mutants(sandbox: Sandbox, task: WorkingTask) -> list[Mutant]:
    """Find mutants of the first solution that break something hidden."""
    wrong: list[Mutant] = []
    for mutant in order_mutants(task)[:MOST_TRIES]:
        if len(wrong) == MUTANTS_A_TASK:
            break
        if not await _passes(sandbox, task, mutant.code):
            wrong.append(mutant)
    return wrong


def order_mutants(task: WorkingTask) -> list[Mutant]:
    """Order all mutants: one of each kind, then another of each; the name decides which first."""
    kinds = list(KINDS)
    random.Random(task.task_id).shuffle(kinds)
    by_kind = [mutate_anywhere(task.solutions[0], kind, seed=task.task_id) for kind in kinds]
    rounds = chain.from_iterable(zip_longest(*by_kind))
    by_code: dict[str, Mutant] = {}
    for mutant in rounds:
        # Two kinds may come to the same code.
        if mutant is not None:
            by_code.setdefault(mutant.code, mutant)
    return list(by_code.values())


async def _passes(sandbox: Sandbox, task: WorkingTask, code: str) -> bool:
    """Tell whether a mutant keeps all, or nothing can be known of it."""
    try:
        return await is_right(sandbox, task, code)
    except TruthError:
        return True


async def answer_task(sandbox: Sandbox, task: WorkingTask) -> TaskAnswers:
    """Collect the answers to a task, and find out which are right.

    Raises:
        TruthError: If the sandbox was in the way of a solution.
    """
    right, refuted = [], []
    for number, code in enumerate(task.solutions, start=1):
        answer = await _label(sandbox, task, f"solution-{number}", Mutant(CANONICAL, code))
        right.append(replace(answer, right=True))
        if answer.contradicts or not await is_right(sandbox, task, code):
            refuted.append(number)
    mutants = await find_wrong_mutants(sandbox, task)
    wrong = [
        await _label(sandbox, task, f"mutant-{number}", mutant)
        for number, mutant in enumerate(mutants, start=1)
    ]
    return TaskAnswers(task, tuple(right), tuple(wrong), tuple(refuted))


async def _label(sandbox: Sandbox, task: WorkingTask, name: str, mutant: Mutant) -> LabelledAnswer:
    """Label code as wrong, and note whether it contradicts the example."""
    shown = task.only_shown()
    keeps = shown is None or await _passes(sandbox, shown, mutant.code)
    return LabelledAnswer(
        id=f"{task.task_id}/{name}",
        task=task.task_id,
        kind=mutant.kind,
        answer=f"```python\n{mutant.code}```\n",
        right=False,
        loads=True,
        gives_value=True,
        contradicts=() if keeps else (0,),
    )


async def find_answers(tasks: Sequence[WorkingTask]) -> list[TaskAnswers]:
    """Find the answers to all tasks in a sandbox of their own; the results keep the order.

    Raises:
        TruthError: If the sandbox was in the way of a solution.
    """
    sandbox = create_sandbox("auto", SLOTS)
    free = asyncio.Semaphore(SLOTS)

    async def answer(task: WorkingTask) -> TaskAnswers:
        async with free:
            try:
                return await answer_task(sandbox, task)
            except TruthError as error:
                raise TruthError(f"{task.name}: {error}") from error

    await sandbox.start()
    try:
        return list(await asyncio.gather(*map(answer, tasks)))
    finally:
        await sandbox.close()


def make_cases(answered: Sequence[TaskAnswers]) -> list[Case]:
    """Combine every answer with the request with an example and without."""
    return [
        Case(
            answer=answer,
            form=form,
            request=one.task.ask(form),
            contradicts_shown=form == "one" and bool(answer.contradicts),
            betrayed=form == "one" and bool(answer.contradicts),
        )
        for one in answered
        for answer in (*one.right, *one.wrong)
        for form in FORMS
    ]
