"""A run of the Optimizer for a person: what failed, whose fault, what was tried and decided.

It is made from a run's row alone. Its texts repeat what users and models wrote, and a row may lack
any part: whatever isn't there is left out, and whatever is there is shown as plain text.
"""

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from selfheal.detail_reading import read_line, read_part, read_records, show_line
from selfheal.healing_reports import HealingReport
from selfheal.report_sections import (
    render_candidates,
    render_cost,
    render_failures,
    render_fault,
    render_verdict,
    render_watch_result,
    section,
    show_words,
)
from selfheal.verdict_rendering import INDENT

DEFAULT_TASK_TYPE: Final = "code_generation"

DECISION_STYLES: Final = {
    "promoted": "bold green",
    "proposed": "bold cyan",
    "held": "bold yellow",
    "rolled_back": "bold magenta",
}


def print_report(console: Console, report: HealingReport) -> None:
    """Print all of it."""
    for part in render_report(report):
        console.print(part)


def render_report(report: HealingReport) -> Iterator[RenderableType]:
    """The parts of a report, from the headline to what can be done about it."""
    detail = report.detail
    yield from _introduction(report)
    yield from render_failures(detail)
    yield from render_fault(read_part(detail, "attribution"), show_line(report.verdict or ""))
    yield from render_candidates(read_records(detail, "candidates"))
    yield from render_verdict(detail)
    yield from render_watch_result(read_part(detail, "watch"))
    yield from render_cost(read_part(detail, "cost"))
    yield from _watching(report)
    yield from _what_to_do(report)


def make_list(reports: Sequence[HealingReport]) -> Table:
    """A table with a line a run."""
    table = Table(box=None, pad_edge=False, expand=True)
    for title, width in (("when", 16), ("run", 8), ("what", 11), ("version", 10)):
        table.add_column(title, width=width, no_wrap=True)
    table.add_column("task type", ratio=2, overflow="ellipsis", no_wrap=True)
    table.add_column("fault", width=9, no_wrap=True)
    table.add_column("why, and what became of it", ratio=3, overflow="ellipsis", no_wrap=True)
    for report in reports:
        table.add_row(
            f"{report.created_at.astimezone():%Y-%m-%d %H:%M}",
            str(report.id)[:8],
            Text(show_words(report.decision), style=DECISION_STYLES.get(report.decision, "")),
            _versions(report),
            Text(show_line(report.task_type)),
            Text(show_line(report.verdict or "")),
            Text(", ".join(filter(None, (show_words(report.reason), _aftermath(report))))),
        )
    return table


def _introduction(report: HealingReport) -> Iterator[RenderableType]:
    name, version, after = show_line(report.task_type), report.version, report.after_version
    style = DECISION_STYLES.get(report.decision, "bold")
    replaced = f"version {_number(after)} replaced {_number(version)}"
    sentences = {
        "promoted": ("healed", replaced),
        "proposed": ("proposed", f"a repair of version {_number(version)} is proven"),
        "held": ("held", f"version {_number(version)} stays"),
        "rolled_back": ("rolled back", f"version {_number(version)} did worse in service"),
    }
    what, sentence = sentences.get(report.decision, (show_words(report.decision), ""))
    why = f" ({show_words(report.reason)})" if report.reason else ""
    yield Text.assemble((f"{name} {what}", style), f": {sentence}{why}")
    by = f", triggered by {show_line(report.triggered_by)}" if report.triggered_by else ""
    yield Text(f"run {report.id}, {_moment(report.created_at)}{by}", style="dim")
    summary = read_line(report.detail, "summary", most=1_000)
    if summary:
        yield Padding(Text(summary), INDENT)


def _watching(report: HealingReport) -> Iterator[RenderableType]:
    if report.watched_since is None:
        return
    since = f"since {_moment(report.watched_since)}"
    if report.is_watched:
        line = (
            f"version {_number(report.after_version)} {since}; if it does worse in service than "
            f"version {_number(report.version)} did, it is rolled back"
        )
    else:
        line = f"nothing any more: {_aftermath(report)}"
    yield from section("What is being watched now", [line])


def make_undo_command(version: int, task_type: str) -> str:
    """The command that lets an earlier version's text serve again."""
    option = ""
    if task_type != DEFAULT_TASK_TYPE:
        option = f" -t {shlex.quote(show_line(task_type))}"
    return f"selfheal prompts activate {version}{option}"


def _what_to_do(report: HealingReport) -> Iterator[RenderableType]:
    short_id = str(report.id)[:8]
    if report.is_open_proposal:
        commands = [f"selfheal prompts approve {short_id}", f"selfheal prompts reject {short_id}"]
        yield from section("How to answer", commands)
    elif report.after_version is not None and report.version is not None:
        command = make_undo_command(report.version, report.task_type)
        yield from section("How to undo", [command])


def _aftermath(report: HealingReport) -> str:
    """What became of what a run decided."""
    if report.is_open_proposal:
        return "waits for an answer"
    if report.is_watched:
        return "is being watched"
    outcomes = {
        "kept": "kept after the watch",
        "rolled_back": "rolled back later",
        "superseded": "replaced since",
    }
    if report.watch_outcome:
        return outcomes.get(report.watch_outcome, show_words(report.watch_outcome))
    return show_words(report.resolution or "")


def _versions(report: HealingReport) -> str:
    before = _number(report.version)
    return before if report.after_version is None else f"{before} -> {report.after_version}"


def _number(version: int | None) -> str:
    return "?" if version is None else str(version)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
