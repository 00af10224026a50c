"""Make the labelled set: mutate HumanEval's solutions, run what must be run, keep the truth.

Mutants that pass all tests are dropped. With --check nothing is made: every truth in the
repository is found out anew and compared.

examples:
  python -m benchmarks.evaluator.make_labelled_set
  python -m benchmarks.evaluator.make_labelled_set --check
"""

import argparse
import asyncio
import random
import sys
import tomllib
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.progress import track

from benchmarks.evaluator.human_eval import HumanEvalTask, read_human_eval, strip_docstrings
from benchmarks.evaluator.labelled_answers import (
    CANONICAL,
    DATA,
    MUTANTS_FILE,
    OUTPUT,
    OUTPUTS_FILE,
    WRONG_ALGORITHM,
    LabelledAnswer,
    read_labelled,
    write_labelled,
)
from benchmarks.evaluator.make_model_outputs import ANSWERS_FILE, read_answers
from benchmarks.evaluator.mutations import KINDS, Mutant, mutate
from benchmarks.evaluator.simple_tasks import read_simple_tasks
from benchmarks.evaluator.truth import (
    Truth,
    TruthError,
    find_plausible_calls,
    run_human_eval,
    run_simple,
)
from services.evaluator.app.sandbox import Sandbox, create_sandbox

WRONG_ALGORITHMS_FILE: Final = DATA / "wrong_algorithms.toml"
MUTANTS_A_TASK: Final = 6
# Mutants of a kind that are tried before a task does without that kind.
TRIES_A_KIND: Final = 4
SLOTS: Final = 2

messages = Console(stderr=True)


async def label_task(
    sandbox: Sandbox, task: HumanEvalTask, algorithms: Sequence[str]
) -> list[LabelledAnswer]:
    """Label the canonical solution of a task and its wrong mutants.

    Raises:
        TruthError: If the canonical solution doesn't pass, or a wrong algorithm does.
    """
    calls = await find_plausible_calls(sandbox, task)
    truth = await run_human_eval(sandbox, task, task.code, calls)
    if not calls or not truth.right or truth.contradicts or not truth.gives_value:
        raise TruthError(f"{task.task_id}: its own solution shows {truth}")
    labelled = [_label(task.task_id, CANONICAL, task.code, truth)]
    for code in algorithms:
        truth = await run_human_eval(sandbox, task, code, calls)
        if truth.right:
            raise TruthError(f"{task.task_id}: the wrong algorithm passes all tests")
        labelled.append(_label(task.task_id, WRONG_ALGORITHM, code, truth))
    kinds = list(KINDS)
    random.Random(task.task_id).shuffle(kinds)
    for kind in kinds:
        if len(labelled) > MUTANTS_A_TASK:
            break
        found = await _find_wrong(sandbox, task, calls, mutate_distinct(task, kind, labelled))
        labelled.extend([found] if found else [])
    return labelled


def mutate_distinct(
    task: HumanEvalTask, kind: str, labelled: Sequence[LabelledAnswer]
) -> list[Mutant]:
    """Take the first mutants of a kind that differ from those the task has already."""
    known = {answer.answer for answer in labelled}
    mutants = mutate(task.code, task.entry_point, kind, seed=task.task_id)
    return [mutant for mutant in mutants if mutant.code not in known][:TRIES_A_KIND]


async def _find_wrong(
    sandbox: Sandbox, task: HumanEvalTask, calls: Sequence[str], mutants: Sequence[Mutant]
) -> LabelledAnswer | None:
    for mutant in mutants:
        truth = await run_human_eval(sandbox, task, mutant.code, calls)
        if not truth.right:
            return _label(task.task_id, mutant.kind, mutant.code, truth)
    return None


def _label(task: str, kind: str, answer: str, truth: Truth) -> LabelledAnswer:
    return LabelledAnswer(
        id=f"{task}/{kind.replace(' ', '-')}",
        task=task,
        kind=kind,
        answer=answer,
        right=truth.right,
        loads=truth.loads,
        gives_value=truth.gives_value,
        contradicts=truth.contradicts,
    )


async def make_mutants(sandbox: Sandbox) -> list[LabelledAnswer]:
    """Label all of HumanEval.

    Raises:
        TruthError: If something is not as it must be.
    """
    table = tomllib.loads(WRONG_ALGORITHMS_FILE.read_text(encoding="utf-8"))["answer"]
    labelled: list[LabelledAnswer] = []
    for task in track(read_human_eval(), "running mutants", console=messages):
        algorithms = [strip_docstrings(row["code"]) for row in table if row["task"] == task.task_id]
        labelled += await label_task(sandbox, task, algorithms)
    return labelled


async def make_outputs(sandbox: Sandbox) -> list[LabelledAnswer]:
    """Label what the local model answered; of answers that are the same, one is kept.

    Raises:
        TruthError: If something is not as it must be.
    """
    tasks = {task.task_id: task for task in read_simple_tasks()}
    rows = read_answers(ANSWERS_FILE)
    distinct = {(row["task"], row["answer"]): row for row in reversed(rows)}
    labelled = []
    for row in track(list(distinct.values())[::-1], "running outputs", console=messages):
        truth = await run_simple(sandbox, tasks[row["task"]], row["answer"])
        labelled.append(
            LabelledAnswer(
                id=row["id"],
                task=row["task"],
                kind=OUTPUT,
                answer=row["answer"],
                right=truth.right,
                loads=truth.loads,
                gives_value=truth.gives_value,
                contradicts=truth.contradicts,
            )
        )
    return labelled


async def find_differences(sandbox: Sandbox) -> list[str]:
    """List the answers whose recorded truth isn't what running them shows."""
    human_eval = {task.task_id: task for task in read_human_eval()}
    simple = {task.task_id: task for task in read_simple_tasks()}
    answers = (*read_labelled(MUTANTS_FILE), *read_labelled(OUTPUTS_FILE))
    calls = {name: await find_plausible_calls(sandbox, task) for name, task in human_eval.items()}
    different = []
    for answer in track(answers, "running all answers", console=messages):
        if answer.kind == OUTPUT:
            truth = await run_simple(sandbox, simple[answer.task], answer.answer)
        else:
            task = human_eval[answer.task]
            truth = await run_human_eval(sandbox, task, answer.answer, calls[answer.task])
        known = Truth(answer.right, answer.loads, answer.gives_value, answer.contradicts)
        if truth != known:
            different.append(answer.id)
    return different


async def make(*, only_check: bool) -> list[str]:
    """Make the files, or check them; the names of answers that differ."""
    sandbox = create_sandbox("auto", SLOTS)
    await sandbox.start()
    try:
        if only_check:
            return await find_differences(sandbox)
        write_labelled(MUTANTS_FILE, await make_mutants(sandbox))
        write_labelled(OUTPUTS_FILE, await make_outputs(sandbox))
        return []
    finally:
        await sandbox.close()


def main() -> int:
    """Make or check the labelled set from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evaluator.make_labelled_set",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="find out every truth anew")
    options = parser.parse_args()
    try:
        different = asyncio.run(make(only_check=options.check))
    except TruthError as error:
        messages.print(f"error: {error}", markup=False)
        return 1
    for name in different:
        messages.print(f"not as the file says: {name}", markup=False)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
