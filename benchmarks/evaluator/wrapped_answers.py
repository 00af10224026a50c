"""The set "as models answer": is an answer judged by its code, or by how that is wrapped?

The verdict that code gets in a bare fence is compared with its verdicts in every other form.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.evaluator.labelled_answers import (
    CANONICAL,
    MUTANTS_FILE,
    LabelledAnswer,
    Task,
    read_labelled,
    read_tasks,
)
from benchmarks.evaluator.request_forms import pick
from benchmarks.evaluator.scoring import Case, Scored
from benchmarks.evaluator.wrappings import REASONING, WRAPPINGS, Solution, Wrapping, fence_only

BARE: Final = "bare fence"
TASKS: Final = 40
ONE: Final = "one"
# Code that is right must not fail either where no example shows it to be right.
RIGHT_FORMS: Final = (ONE, "none")
ALL_FORMS: Final[Mapping[str, Wrapping]] = {BARE: fence_only, **WRAPPINGS, **REASONING}


@dataclass(frozen=True, slots=True)
class WrappingFigures:
    """What one wrapping does to verdicts.

    Attributes:
        right: Right answers that don't fail when bare.
        failed: How many of those fail in this wrapping.
        right_unscored: How many of those lose their score by it.
        wrong: Wrong answers that don't pass when bare.
        passed: How many of those pass in this wrapping.
        wrong_unscored: How many of those lose their score by it.
    """

    right: int
    failed: int
    right_unscored: int
    wrong: int
    passed: int
    wrong_unscored: int


@dataclass(frozen=True, slots=True)
class WrappedReport:
    """What all wrappings do to verdicts.

    Attributes:
        bare_right: Right answers, in a bare fence.
        bare_right_passed: How many of those pass.
        bare_wrong: Wrong answers, in a bare fence.
        bare_wrong_failed: How many of those fail.
        wrappings: What each wrapping does.
        errors: Verdicts that are wrong because of a wrapping.
    """

    bare_right: int
    bare_right_passed: int
    bare_wrong: int
    bare_wrong_failed: int
    wrappings: dict[str, WrappingFigures]
    errors: tuple[Scored, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values for JSON; an error becomes what identifies it."""
        plain = asdict(replace(self, errors=()))
        plain["errors"] = [describe_error(one) for one in self.errors]
        return plain


def make_wrapped_cases() -> list[Case]:
    """Write a fixed sample of right and wrong code in every form.

    A task takes part with its canonical solution and with a mutant that contradicts the example
    which the request shows; each is the draft where the other one is the code.
    """
    tasks = read_tasks()
    answers = [one for one in read_labelled(MUTANTS_FILE) if one.loads and one.gives_value]
    right = {one.task: one for one in answers if one.kind == CANONICAL}
    wrong: dict[str, LabelledAnswer] = {}
    for one in answers:
        if not one.right and tasks[one.task].shows_contradiction(one, ONE):
            wrong.setdefault(one.task, one)
    sample = sorted(right.keys() & wrong.keys(), key=lambda name: pick(name, 2**64))[:TASKS]
    return [
        case
        for name in sample
        for code, draft, forms in (
            (right[name], wrong[name], RIGHT_FORMS),
            (wrong[name], right[name], (ONE,)),
        )
        for form in forms
        for case in _wrap(tasks[name], code, draft, form)
    ]


def _wrap(task: Task, code: LabelledAnswer, draft: LabelledAnswer, form: str) -> Iterable[Case]:
    example = task.requests[ONE].examples[0]
    name = example.call.partition("(")[0]
    for wrapping, write in ALL_FORMS.items():
        text = write(Solution(code.answer, draft.answer, name, example))
        yield Case(
            answer=replace(code, kind=wrapping, answer=text),
            form=form,
            request=task.requests[form].text,
            contradicts_shown=task.shows_contradiction(code, form),
            betrayed=task.betrays(code, form),
        )


def make_wrapped_report(results: Sequence[Scored]) -> WrappedReport:
    """Compare every verdict with the one that the same code gets in a bare fence."""
    bare = {_code_of(one): one for one in results if one.case.answer.kind == BARE}
    right = [one for one in bare.values() if one.case.answer.right]
    wrong = [one for one in bare.values() if not one.case.answer.right]
    # A right answer that fails bare, or a wrong one that passes, owes that to no wrapping.
    fair = [one for one in results if _is_judged_fairly(bare[_code_of(one)])]
    return WrappedReport(
        bare_right=len(right),
        bare_right_passed=sum(one.passed is True for one in right),
        bare_wrong=len(wrong),
        bare_wrong_failed=sum(one.passed is False for one in wrong),
        wrappings={
            name: _count([one for one in fair if one.case.answer.kind == name], bare)
            for name in ALL_FORMS
            if name != BARE
        },
        errors=tuple(one for one in fair if not _is_judged_fairly(one)),
    )


def _count(results: Sequence[Scored], bare: Mapping[tuple[str, str], Scored]) -> WrappingFigures:
    right = [one for one in results if one.case.answer.right]
    wrong = [one for one in results if not one.case.answer.right]

    def unscored(group: Iterable[Scored]) -> int:
        return sum(one.score is None and bare[_code_of(one)].score is not None for one in group)

    return WrappingFigures(
        right=len(right),
        failed=sum(one.passed is False for one in right),
        right_unscored=unscored(right),
        wrong=len(wrong),
        passed=sum(one.passed is True for one in wrong),
        wrong_unscored=unscored(wrong),
    )


def _code_of(one: Scored) -> tuple[str, str]:
    return one.case.answer.id, one.case.form


def _is_judged_fairly(one: Scored) -> bool:
    return one.passed is not (not one.case.answer.right)


def show_wrapped(report: WrappedReport, output: Console) -> None:
    """Print a line for each wrapping, and the sum."""
    table = Table(title="As models answer: verdicts that are wrong because of a wrapping")
    table.add_column("")
    for column in ("right", "fail", "unscored", "wrong", "pass", "unscored"):
        table.add_column(column, justify="right")
    for names in (WRAPPINGS, REASONING):
        for name in names:
            table.add_row(name, *_cells(report.wrappings[name]))
        table.add_section()
    table.add_row("all", *_sums(report))
    output.print(table)
    output.print(
        f"In a bare fence {report.bare_right_passed} of {report.bare_right} right answers pass "
        f"and {report.bare_wrong_failed} of {report.bare_wrong} wrong ones fail.",
        highlight=False,
    )


def _cells(figures: WrappingFigures) -> list[str]:
    return [str(value) for value in asdict(figures).values()]


def _sums(report: WrappedReport) -> list[str]:
    rows = [asdict(figures).values() for figures in report.wrappings.values()]
    return [str(sum(values)) for values in zip(*rows, strict=True)]


def show_wrapped_errors(report: WrappedReport, output: Console) -> None:
    """List the verdicts that are wrong because of a wrapping."""
    for one in report.errors:
        output.print(
            "{sort}: {wrapping}: {answer} ({form})".format(**describe_error(one)),
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def describe_error(one: Scored) -> dict[str, Any]:
    """Describe a wrong verdict in plain values."""
    return {
        "sort": "false fail" if one.case.answer.right else "false pass",
        "wrapping": one.case.answer.kind,
        "answer": one.case.answer.id,
        "form": one.case.form,
        "score": one.score,
        "cap_reasons": list(one.cap_reasons),
    }
