"""Measures how well the Evaluator tells right code from wrong, on answers whose truth is known.

The rubric judges, so that no model and no network is needed. Of the labelled set, tune on one
half of the tasks and report on the other. Of the working tasks all report, and none tunes.

examples:
  python -m benchmarks.evaluator
  python -m benchmarks.evaluator --set working
  python -m benchmarks.evaluator --half tuning --errors
  python -m benchmarks.evaluator --set wrapped
  python -m benchmarks.evaluator --json figures.json
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks.evaluator.labelled_answers import (
    HALVES,
    MUTANTS_FILE,
    OUTPUTS_FILE,
    Half,
    LabelledAnswer,
    read_labelled,
    read_tasks,
)
from benchmarks.evaluator.report import Report, make_report, show, show_errors
from benchmarks.evaluator.request_forms import FORMS
from benchmarks.evaluator.scoring import (
    Case,
    make_evaluation,
    score_all,
    score_in_turn,
)
from benchmarks.evaluator.truth import TruthError
from benchmarks.evaluator.working_tasks.answers import find_answers
from benchmarks.evaluator.working_tasks.answers import make_cases as make_working_cases
from benchmarks.evaluator.working_tasks.report import (
    WorkingReport,
    make_working_report,
    show_working,
    show_working_errors,
)
from benchmarks.evaluator.working_tasks.tasks import read_working_tasks
from benchmarks.evaluator.wrapped_answers import (
    WrappedReport,
    make_wrapped_cases,
    make_wrapped_report,
    show_wrapped,
    show_wrapped_errors,
)
from services.common.logging import configure_logging
from services.evaluator.app.services.oversight.calibration.labelled_set import LABELLED_TASK_TYPE

# Every so many cases one is timed by itself.
TIMED_ALONE_EVERY: Final = 10
NARROW_WIDTH: Final = 100

messages = Console(stderr=True)


def make_cases(answers: Sequence[LabelledAnswer], half: Half) -> list[Case]:
    """Combine every answer of a half with every form of its request."""
    tasks = read_tasks()
    return [
        Case(
            answer=answer,
            form=form,
            request=tasks[answer.task].requests[form].text,
            contradicts_shown=tasks[answer.task].shows_contradiction(answer, form),
            betrayed=tasks[answer.task].betrays(answer, form),
        )
        for answer in answers
        if answer.half == half
        for form in FORMS
    ]


async def measure(half: Half, cases: Sequence[Case]) -> Report:
    """Score the cases with and without execution, and time some of them alone."""
    evaluation = make_evaluation(sandbox="auto")
    await evaluation.start()
    try:
        availability = evaluation.availability
        if not availability.is_available:
            messages.print(f"nothing is run here: {availability.problem}", markup=False)
        full = await score_all(evaluation, cases, title="the Evaluator", console=messages)
        timed = [one.case for one in full if not one.hit_limit][::TIMED_ALONE_EVERY]
        alone = await score_in_turn(evaluation, timed)
    finally:
        await evaluation.close()
    unrun = make_evaluation(sandbox="off")
    static = await score_all(unrun, cases, title="without execution", console=messages)
    return make_report(
        half=half,
        backend=availability.backend,
        fingerprint=evaluation.fingerprint_of(LABELLED_TASK_TYPE),
        full=full,
        static=static,
        alone=alone,
    )


async def measure_wrapped(cases: Sequence[Case]) -> WrappedReport:
    """Score the set "as models answer"."""
    evaluation = make_evaluation(sandbox="auto")
    await evaluation.start()
    try:
        results = await score_all(evaluation, cases, title="wrapped answers", console=messages)
    finally:
        await evaluation.close()
    return make_wrapped_report(results)


def run_wrapped(options: argparse.Namespace, output: Console) -> dict[str, Any]:
    """Measure and print the set "as models answer"; its figures for JSON."""
    report = asyncio.run(measure_wrapped(make_wrapped_cases()))
    show_wrapped(report, output)
    if options.errors:
        show_wrapped_errors(report, output)
    return {"wrapped": report.as_json()}


async def measure_working() -> WorkingReport:
    """Find the answers to the working tasks, and score them.

    Raises:
        TruthError: If the sandbox was in the way of finding out which answers are right.
    """
    answered = await find_answers(read_working_tasks())
    evaluation = make_evaluation(sandbox="auto")
    await evaluation.start()
    try:
        cases = make_working_cases(answered)
        results = await score_all(evaluation, cases, title="working tasks", console=messages)
    finally:
        await evaluation.close()
    return make_working_report(answered, results)


def run_working(options: argparse.Namespace, output: Console) -> dict[str, Any]:
    """Measure and print the working tasks; their figures for JSON."""
    try:
        report = asyncio.run(measure_working())
    except TruthError as error:
        messages.print(f"the working tasks aren't measured: {error}", markup=False)
        return {}
    show_working(report, output)
    if options.errors:
        show_working_errors(report, output, reveal=options.reveal)
    return {"working": report.as_json(reveal=options.reveal)}


def run_labelled(options: argparse.Namespace, output: Console) -> dict[str, Any]:
    """Measure and print the labelled set; its figures for JSON."""
    answers = (*read_labelled(MUTANTS_FILE), *read_labelled(OUTPUTS_FILE))
    report = asyncio.run(measure(options.half, make_cases(answers, options.half)))
    show(report, output)
    if options.errors:
        show_errors(report, output)
    return report.as_json()


# What `--set` names, and how it is measured, printed and put into plain values.
SETS: Final[dict[str, Callable[[argparse.Namespace, Console], dict[str, Any]]]] = {
    "working": run_working,
    "wrapped": run_wrapped,
    "labelled": run_labelled,
}


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evaluator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--set", choices=list(SETS), help="measure one set alone")
    parser.add_argument(
        "--half", choices=HALVES, default="reporting", help="half of the labelled set (reporting)"
    )
    parser.add_argument("--errors", action="store_true", help="list the wrong verdicts as well")
    parser.add_argument(
        "--reveal", action="store_true", help="those of the working tasks too, which spends them"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    return parser.parse_args()


def main() -> int:
    """Run the benchmark from the command line."""
    options = read_options()
    # Thousands of evaluations would log as many warnings.
    configure_logging("benchmark", level="ERROR")
    output = Console() if sys.stdout.isatty() else Console(width=NARROW_WIDTH)
    figures: dict[str, Any] = {}
    for name in [options.set] if options.set else SETS:
        figures |= SETS[name](options, output)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0 if figures else 1


if __name__ == "__main__":
    sys.exit(main())
