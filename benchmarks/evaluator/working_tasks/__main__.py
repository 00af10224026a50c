"""Checks the working tasks: every solution is right, and every mutant is wrong.

examples:
  python -m benchmarks.evaluator.working_tasks --check
"""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from benchmarks.evaluator.truth import TruthError
from benchmarks.evaluator.working_tasks.answers import MUTANTS_A_TASK, TaskAnswers, find_answers
from benchmarks.evaluator.working_tasks.tasks import WorkingTaskError, read_working_tasks


def report(answered: Sequence[TaskAnswers], output: Console) -> bool:
    """Print what there is, and what is wrong with it; whether all is well."""
    domains = Counter(one.task.domain for one in answered)
    kinds = Counter(one.task.kind for one in answered)
    mutants = Counter(answer.kind for one in answered for answer in one.wrong)
    for title, counts in (("tasks", domains), ("kinds", kinds), ("mutants", mutants)):
        told = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        output.print(f"{title}: {counts.total()} ({told})", highlight=False)
    few = [one.task.name for one in answered if len(one.wrong) < MUTANTS_A_TASK]
    output.print(f"tasks with fewer than {MUTANTS_A_TASK} mutants: {len(few)}", *few)
    refuted = [f"{one.task.name}: solution {n} is wrong" for one in answered for n in one.refuted]
    for problem in refuted:
        output.print(problem, highlight=False, markup=False)
    return not refuted


def main() -> int:
    """Check the working tasks from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evaluator.working_tasks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", required=True, help="run everything")
    parser.parse_args()
    try:
        answered = asyncio.run(find_answers(read_working_tasks()))
    except (WorkingTaskError, TruthError) as error:
        Console(stderr=True).print(f"error: {error}", markup=False, soft_wrap=True)
        return 1
    return 0 if report(answered, Console()) else 1


if __name__ == "__main__":
    sys.exit(main())
