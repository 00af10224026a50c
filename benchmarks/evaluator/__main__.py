"""Measures how well the Evaluator tells right code from wrong, on answers whose truth is known.

The rubric judges, so that no model and no network is needed. Tune on one half of the tasks and
report on the other.

examples:
  python -m benchmarks.evaluator
  python -m benchmarks.evaluator --half tuning --errors
  python -m benchmarks.evaluator --json figures.json
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

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


def main() -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evaluator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--half", choices=HALVES, default="reporting", help="half of the tasks (reporting)"
    )
    parser.add_argument("--errors", action="store_true", help="list the wrong verdicts as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    options = parser.parse_args()
    # Thousands of evaluations would log as many warnings.
    configure_logging("benchmark", level="ERROR")
    answers = (*read_labelled(MUTANTS_FILE), *read_labelled(OUTPUTS_FILE))
    report = asyncio.run(measure(options.half, make_cases(answers, options.half)))
    output = Console() if sys.stdout.isatty() else Console(width=NARROW_WIDTH)
    show(report, output)
    if options.errors:
        show_errors(report, output)
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
