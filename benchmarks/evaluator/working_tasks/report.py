"""The figures of the working tasks: by form of the request, by what the verdicts rest on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.evaluator.figures import Figures, ceiling, find_errors, judge_group
from benchmarks.evaluator.report import describe, format_interval, format_number, format_percent
from benchmarks.evaluator.request_forms import FORM_TITLES
from benchmarks.evaluator.scoring import Scored
from benchmarks.evaluator.working_tasks.answers import MUTANTS_A_TASK, TaskAnswers
from benchmarks.evaluator.working_tasks.tasks import FORMS

ALL: Final = "all"
GRADES: Final = ("checks", "examples", "plausible_calls", "static")
MOST_FALSE_FAILS: Final = {"one": 0.005, "none": 0.01}
LEAST_AUROC: Final = {"one": 0.94}
WITHHELD: Final = (
    "Errors of the working tasks aren't listed, so that no rule is made for them; "
    "--reveal lists them, and then they are no evidence any more."
)


@dataclass(frozen=True, slots=True)
class WorkingReport:
    """All figures of the working tasks.

    Attributes:
        tasks: How many there are.
        few_mutants: How many of them have fewer mutants than they should.
        ceiling: AUROC with one example of judging by that example alone, `1 - s/2`, of the tasks
            whose example can be run; `s` is the share of their mutants that keep it.
        groups: Figures by form, by what the verdicts rest on; `all` counts the unscored too.
        errors: Wrong verdicts.
        unscored: What got no score.
    """

    tasks: int
    few_mutants: int
    ceiling: float | None
    groups: dict[str, dict[str, Figures]]
    errors: list[Scored]
    unscored: list[Scored]

    def as_json(self, *, reveal: bool) -> dict[str, Any]:
        """Return plain values for JSON; errors only if they are to be revealed."""
        plain = asdict(replace(self, errors=[], unscored=[]))
        for one in ("errors", "unscored"):
            plain[one] = [describe(scored) for scored in getattr(self, one)] if reveal else WITHHELD
        return plain


def make_working_report(
    answered: Sequence[TaskAnswers], results: Sequence[Scored]
) -> WorkingReport:
    """Put the figures together."""
    return WorkingReport(
        tasks=len(answered),
        few_mutants=sum(len(one.wrong) < MUTANTS_A_TASK for one in answered),
        ceiling=_compute_ceiling(answered, results),
        groups={form: _judge_form([r for r in results if r.case.form == form]) for form in FORMS},
        errors=find_errors(results),
        unscored=[one for one in results if one.score is None],
    )


def _compute_ceiling(answered: Sequence[TaskAnswers], results: Sequence[Scored]) -> float | None:
    known = {one.task.task_id for one in answered if one.task.shown is not None}
    wrong = [one.case for one in results if not one.case.answer.right and one.case.form == "one"]
    return ceiling([case for case in wrong if case.answer.task in known])


def _judge_form(results: Sequence[Scored]) -> dict[str, Figures]:
    by_grade = {grade: [one for one in results if one.evidence == grade] for grade in GRADES}
    return {grade: _judge(some) for grade, some in {ALL: list(results), **by_grade}.items()}


def _judge(results: Sequence[Scored]) -> Figures:
    # Not every example can be run; the ceiling is told apart, of those that can.
    return replace(judge_group(results), ceiling=None)


def show_working(report: WorkingReport, output: Console) -> None:
    """Print the figures, and whether the aims are met."""
    title = f"{report.tasks} working tasks, that no rule was written on"
    table = Table(title=title)
    for column in (
        "", "right + wrong", "unscored", "AUROC", "95 % interval", "false pass", "false fail",
    ):  # fmt: skip
        table.add_column(column, justify="right" if column else "left")
    for form, groups in report.groups.items():
        for grade, one in groups.items():
            name = FORM_TITLES[form] if grade == ALL else f"  {grade}"
            table.add_row(name, *_cells(one), end_section=grade == GRADES[-1])
    output.print(table)
    one = report.groups["one"][ALL]
    output.print(
        f"With one example: {one.contradicting_passed} of {one.contradicting} wrong answers that "
        f"contradict it pass. Judging by it alone reaches an AUROC of "
        f"{format_number(report.ceiling)} (ceiling, 1 - s/2).",
        highlight=False,
    )
    for line in _tell_aims(report):
        output.print(line, highlight=False)
    if report.few_mutants:
        output.print(
            f"Tasks with fewer than {MUTANTS_A_TASK} mutants: {report.few_mutants}.",
            highlight=False,
        )


def show_working_errors(report: WorkingReport, output: Console, *, reveal: bool) -> None:
    """Print wrong verdicts if they are to be revealed, else why they aren't shown."""
    if not reveal:
        output.print(WITHHELD, highlight=False)
        return
    for one in (*report.errors, *report.unscored):
        sort = "false fail" if one.case.answer.right else "false pass"
        told = f"{sort} {one.score:.3f}" if one.score is not None else f"unscored: {one.problem}"
        output.print(
            f"{one.case.answer.id} ({one.case.form}, {one.case.answer.kind}) {told}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _cells(one: Figures) -> tuple[str, ...]:
    total = one.right + one.wrong
    return (
        f"{one.right} + {one.wrong}",
        format_percent(one.unscored / total if total else None),
        format_number(one.auroc),
        format_interval(one),
        format_percent(one.false_pass),
        format_percent(one.false_fail),
    )


def _tell_aims(report: WorkingReport) -> list[str]:
    lines = []
    for form, most in MOST_FALSE_FAILS.items():
        share = report.groups[form][ALL].false_fail
        met = share is not None and share <= most
        aim = f"false fail at most {format_percent(most)} ({FORM_TITLES[form]})"
        lines.append(f"Aim: {aim}: {format_percent(share)}, {'met' if met else 'missed'}.")
    for form, least in LEAST_AUROC.items():
        auroc = report.groups[form][ALL].auroc
        met = auroc is not None and auroc >= least
        aim = f"AUROC at least {least} ({FORM_TITLES[form]})"
        lines.append(f"Aim: {aim}: {format_number(auroc)}, {'met' if met else 'missed'}.")
    return lines
