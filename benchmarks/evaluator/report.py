"""Writes the figures of the Evaluator's benchmark: as tables, as JSON, as a list of errors."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.evaluator.figures import (
    Figures,
    KindFigures,
    Times,
    count_errors,
    find_errors,
    judge_by_form,
    judge_by_kind,
    judge_group,
    measure_times,
    rule_score,
)
from benchmarks.evaluator.labelled_answers import OUTPUT, Half
from benchmarks.evaluator.request_forms import FORM_TITLES, FORMS
from benchmarks.evaluator.scoring import Scored

EVALUATOR: Final = "the Evaluator"
WITHOUT_EXECUTION: Final = "rubric without execution"
STATIC_RULES: Final = "static rules alone"
SOURCES: Final = {"mutants": "Mutants of HumanEval", "outputs": "Outputs of the local model"}
# No labelled answer is one to a golden input, so that none is checked.
EVIDENCE: Final = ("examples", "plausible_calls", "static")
MOST_SHOWN_UNSCORED: Final = 5


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of a run.

    Attributes:
        half: Which half of the tasks they are about.
        backend: What ran the code.
        fingerprint: What gave the scores.
        groups: Figures by source, by what scored, by form.
        evidence: Figures by what the verdicts rest on.
        kinds: Figures of mutants by kind, by form.
        times: How long evaluations took.
        errors: Wrong verdicts of the Evaluator.
        unscored: What it gave no score, and why.
    """

    half: Half
    backend: str
    fingerprint: str
    groups: dict[str, dict[str, dict[str, Figures]]]
    evidence: dict[str, Figures]
    kinds: dict[str, dict[str, KindFigures]]
    times: Times
    errors: list[Scored]
    unscored: list[Scored]

    def as_json(self) -> dict[str, Any]:
        """Return plain values for JSON; an error becomes what identifies it."""
        plain = asdict(self)
        plain["errors"] = [describe(one) for one in self.errors]
        plain["unscored"] = [describe(one) for one in self.unscored]
        return plain


def describe(one: Scored) -> dict[str, Any]:
    """Describe an evaluation in plain values: what identifies it, and its result."""
    return {
        "answer": one.case.answer.id,
        "form": one.case.form,
        "kind": one.case.answer.kind,
        "right": one.case.answer.right,
        "score": one.score,
        "cap_reasons": list(one.cap_reasons),
        "contradicts_shown": one.case.contradicts_shown,
        "problem": one.problem,
    }


def make_report(
    *,
    half: Half,
    backend: str,
    fingerprint: str,
    full: Sequence[Scored],
    static: Sequence[Scored],
    alone: Sequence[Scored],
) -> Report:
    """Put the figures together.

    Args:
        half: Which half of the tasks was judged.
        backend: What ran the code.
        fingerprint: What gave the scores.
        full: As the Evaluator scores.
        static: The same without execution.
        alone: Some of the first, timed one after the other.
    """
    groups: dict[str, dict[str, dict[str, Figures]]] = {}
    for source in SOURCES:
        judged = [one for one in full if _source(one) == source]
        unrun = [one for one in static if _source(one) == source]
        groups[source] = {
            EVALUATOR: judge_by_form(judged),
            WITHOUT_EXECUTION: judge_by_form(unrun),
            STATIC_RULES: judge_by_form(unrun, rule_score),
        }
    return Report(
        half=half,
        backend=backend,
        fingerprint=fingerprint,
        groups=groups,
        evidence={
            grade: judge_group([one for one in full if one.evidence == grade]) for grade in EVIDENCE
        },
        kinds=judge_by_kind([one for one in full if _source(one) == "mutants"]),
        times=measure_times(alone, full),
        errors=find_errors(full),
        unscored=[one for one in full if one.score is None],
    )


def show(report: Report, output: Console) -> None:
    """Print the figures as tables."""
    for source, title in SOURCES.items():
        output.print(_table_of_source(report, source, f"{title} ({report.half} half)"))
    output.print(_table_of_evidence(report))
    output.print(_table_of_kinds(report))
    times = report.times
    output.print(
        f"Time: median {times.median_alone:.1f} ms one after the other; four at a time median "
        f"{times.median:.1f} ms, p99 {times.p99:.1f} ms. Left out: {times.stopped} of "
        f"{times.evaluations} evaluations, whose code ran into a limit.",
        highlight=False,
    )
    output.print(
        f"Code was run by: {report.backend}. Fingerprint: {report.fingerprint}.", highlight=False
    )
    for one in report.unscored[:MOST_SHOWN_UNSCORED]:
        output.print(
            f"unscored: {one.case.answer.id} ({one.case.form}): {one.problem}",
            highlight=False,
            markup=False,
        )


def show_errors(report: Report, output: Console) -> None:
    """Print the Evaluator's wrong verdicts: their sorts, then each."""
    counts = Table(title=f"Wrong verdicts ({report.half} half)")
    for column in ("", "kind", *(FORM_TITLES[form] for form in FORMS)):
        counts.add_column(column, justify="left" if column in ("", "kind") else "right")
    counted = count_errors(report.errors)
    for sort, kind in dict.fromkeys((sort, kind) for sort, kind, _ in counted):
        counts.add_row(sort, kind, *(str(counted.get((sort, kind, form), 0)) for form in FORMS))
    output.print(counts)
    for one in report.errors:
        sort = "false fail" if one.case.answer.right else "false pass"
        shown = ", contradicts an example shown" if one.case.contradicts_shown else ""
        capped = f", capped: {'; '.join(one.cap_reasons)}" if one.cap_reasons else ""
        output.print(
            f"{sort}: {one.case.answer.id} ({one.case.form}) {one.score:.3f}{shown}{capped}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _source(one: Scored) -> str:
    return "outputs" if one.case.answer.kind == OUTPUT else "mutants"


def _table_of_source(report: Report, source: str, title: str) -> Table:
    groups = report.groups[source]
    judged = groups[EVALUATOR]
    table = Table(title=title)
    table.add_column("")
    for form in FORMS:
        table.add_column(FORM_TITLES[form], justify="right")

    def row(name: str, cells: Sequence[str], *, end: bool = False) -> None:
        table.add_row(name, *cells, end_section=end)

    row("answers, right + wrong", [f"{one.right} + {one.wrong}" for one in judged.values()])
    row("unscored", [str(one.unscored) for one in judged.values()], end=True)
    row("AUROC", [format_number(one.auroc) for one in judged.values()])
    row("  95 % interval", [format_interval(one) for one in judged.values()])
    row("  ceiling, 1 - s/2", [format_number(one.ceiling) for one in judged.values()])
    for name in (WITHOUT_EXECUTION, STATIC_RULES):
        row(f"  {name}", [format_number(one.auroc) for one in groups[name].values()])
    table.add_section()
    row("accuracy at 0.7", [format_percent(one.accuracy) for one in judged.values()])
    for name in (WITHOUT_EXECUTION, STATIC_RULES):
        row(f"  {name}", [format_percent(one.accuracy) for one in groups[name].values()])
    table.add_section()
    row("false pass", [format_percent(one.false_pass) for one in judged.values()])
    row("  of what contradicts an example", [_contradicting(one) for one in judged.values()])
    right = "false fail of canonical solutions" if source == "mutants" else "false fail"
    row(right, [format_percent(one.false_fail) for one in judged.values()])
    return table


def _table_of_evidence(report: Report) -> Table:
    table = Table(title=f"All answers by what their verdicts rest on ({report.half} half)")
    for column in ("", "right + wrong", "AUROC", "false pass", "false fail"):
        table.add_column(column, justify="right" if column else "left")
    for grade, one in report.evidence.items():
        shares = (format_percent(one.false_pass), format_percent(one.false_fail))
        table.add_row(grade, f"{one.right} + {one.wrong}", format_number(one.auroc), *shares)
    return table


def _table_of_kinds(report: Report) -> Table:
    table = Table(title=f"Mutants by kind ({report.half} half): false pass, AUROC")
    table.add_column("")
    table.add_column("count", justify="right")
    for form in FORMS:
        table.add_column(FORM_TITLES[form], justify="right")
    for kind, by_form in report.kinds.items():
        cells = [
            f"{format_percent(one.false_pass)}  {format_number(one.auroc)}"
            for one in by_form.values()
        ]
        table.add_row(kind, str(by_form[FORMS[0]].count), *cells)
    return table


def format_number(value: float | None) -> str:
    """Write a figure with three decimals."""
    return "-" if value is None else f"{value:.3f}"


def format_percent(value: float | None) -> str:
    """Write a share in percent."""
    return "-" if value is None else f"{100 * value:.1f} %"


def format_interval(one: Figures) -> str:
    """Write the interval of an AUROC."""
    if one.auroc_low is None or one.auroc_high is None:
        return "-"
    return f"{one.auroc_low:.3f} to {one.auroc_high:.3f}"


def _contradicting(one: Figures) -> str:
    if not one.contradicting:
        return "-"
    return f"{one.contradicting_passed} of {one.contradicting}"
