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

from selfheal.display.report.decision import render_decision, render_watch_result
from selfheal.display.report.layout import more_line, section, show_words
from selfheal.display.report.no_repair import render_no_repair
from selfheal.display.report.rollout import render_rollout, tell_share
from selfheal.display.report.sections import (
    render_candidates,
    render_cost,
    render_failures,
    render_fault,
)
from selfheal.display.verdict_rendering import INDENT, heading
from services.common.presentation.detail_reading import (
    read_line,
    read_part,
    read_records,
    show_line,
)
from services.common.presentation.text_difference import list_changes
from services.common.presentation.wordings import HOLDS
from services.common.record.healing_runs import BY_HAND
from services.common.record.rollouts.rollout import Rollout
from services.common.record.stored_runs import StoredRun

DEFAULT_TASK_TYPE: Final = "code_generation"

DECISION_STYLES: Final = {
    "promoted": "bold green",
    "proposed": "bold cyan",
    "held": "bold yellow",
    "canary": "bold cyan",
    "rolled_back": "bold magenta",
    "approved": "bold green",
    "rejected": "bold yellow",
    "superseded": "dim",
}
# Decisions after which a text stands against another one.
WITH_TEXTS: Final = ("promoted", "proposed", "rolled_back", "canary")
# Holds that end in nothing until somebody does something.
GIVEN_UP: Final = ("no_repair_found", "inputs_used_up")
MAX_CHANGES: Final = 12
MAX_CHANGE_CHARACTERS: Final = 240
MAX_QUOTED_CHARACTERS: Final = 60
WIDE_COLUMNS: Final = 100
NARROW_NAME_WIDTH: Final = 15


def print_report(console: Console, report: StoredRun) -> None:
    """Print all of it."""
    for part in render_report(report):
        console.print(part)


def render_report(report: StoredRun) -> Iterator[RenderableType]:
    """Lay out a report, from the headline to the commands that can follow it."""
    detail = report.detail
    yield from _introduction(report)
    yield from render_failures(detail)
    yield from render_fault(read_part(detail, "attribution"), show_line(report.verdict or ""))
    yield from render_candidates(read_records(detail, "candidates"))
    yield from render_decision(detail)
    yield from render_no_repair(read_part(detail, "no_repair"))
    yield from render_rollout(read_part(detail, "rollout"))
    yield from render_watch_result(read_part(detail, "watch"))
    yield from _changes(report)
    yield from render_cost(read_part(detail, "cost"))
    yield from _watching(report)
    yield from _what_to_do(report)


def make_list(
    reports: Sequence[StoredRun], rollouts: Sequence[Rollout] = (), *, width: int
) -> Table:
    """Make a table with a row for each run; a narrow screen wraps texts and omits the fault.

    Args:
        rollouts: Those that are open.
    """
    serving = {rollout.run_id: tell_share(rollout) for rollout in rollouts}
    is_wide = width >= WIDE_COLUMNS
    versions = [_versions(report) for report in reports]
    table = Table(box=None, pad_edge=False, expand=True)
    table.add_column("when", width=16 if is_wide else 11, no_wrap=True)
    table.add_column("run", width=8, no_wrap=True)
    table.add_column("what", width=11, no_wrap=True)
    table.add_column("version", width=max(7, *map(len, versions), 0), no_wrap=True)
    if is_wide:
        table.add_column("task type", ratio=2, overflow="ellipsis", no_wrap=True)
        table.add_column("fault", width=9, no_wrap=True)
        table.add_column("why, and what became of it", ratio=3, overflow="fold")
    else:
        table.add_column("task type", width=NARROW_NAME_WIDTH, overflow="fold")
        table.add_column("why, what became", ratio=1, overflow="fold")
    for report, version in zip(reports, versions, strict=True):
        day = "%Y-%m-%d" if is_wide else "%m-%d"
        table.add_row(
            f"{report.created_at.astimezone():{day} %H:%M}",
            str(report.id)[:8],
            Text(_outcome(report), style=DECISION_STYLES.get(report.outcome, "")),
            version,
            Text(show_line(report.task_type)),
            *([Text(show_line(report.verdict or ""))] if is_wide else []),
            Text(
                ", ".join(filter(None, (_why(report), serving.get(report.id), _aftermath(report))))
            ),
        )
    return table


def _outcome(report: StoredRun) -> str:
    return "healed" if report.outcome == "promoted" else show_words(report.outcome)


def _why(report: StoredRun) -> str:
    """Say the reason in words, unless the decision says it already."""
    return "" if report.reason == "better" else show_words(report.reason or "")


def _introduction(report: StoredRun) -> Iterator[RenderableType]:
    name, version, after = show_line(report.task_type), report.version, report.after_version
    style = DECISION_STYLES.get(report.outcome, "bold")
    replaced = f"version {_number(after)} replaced {_number(version)}"
    proven = f"a repair of version {_number(version)} is proven"
    if report.reason == BY_HAND:
        proven = f"a text in place of version {_number(version)} was asked for, without a proof"
    elif report.requested_by:
        proven = f"a draft in place of version {_number(version)} is proven"
    sentences = {
        "promoted": replaced,
        "proposed": proven,
        "approved": replaced,
        "rejected": f"{proven}, and was turned down",
        "superseded": f"{proven}, but something else serves or was proposed since",
        "canary": f"{proven}, and serves a share of the traffic first",
        "held": f"version {_number(version)} stays",
        "rolled_back": f"version {_number(version)} did worse in service",
    }
    sentence = sentences.get(report.outcome, "")
    reason = "" if report.outcome == "rolled_back" else _why(report)
    why = f" ({reason})" if reason else ""
    yield Text.assemble((f"{name} {_outcome(report)}", style), f": {sentence}{why}")
    number = f", report {report.report_id}" if report.report_id is not None else ""
    starter = "hand" if report.triggered_by == "manual" else show_line(report.triggered_by or "")
    by = f", started by {starter}" if starter else ""
    if report.requested_by:
        by = f", asked for by {show_line(report.requested_by)}"
    answered = (
        f", {report.resolution} by {show_line(report.resolved_by)}" if report.resolved_by else ""
    )
    yield Text(f"run {report.id}{number}, {_moment(report.created_at)}{by}{answered}", style="dim")
    # The parts below say all that a summary does.
    if not any(read_part(report.detail, name) for name in ("attribution", "verdict", "watch")):
        summary = read_line(report.detail, "summary", most=1_000)
        if summary:
            yield Padding(Text(summary), INDENT)


def _changes(report: StoredRun) -> Iterator[RenderableType]:
    """Show how the two texts differ."""
    before, after = report.before_content, report.after_content
    if report.decision not in WITH_TEXTS or before is None or after is None:
        return
    changes = list_changes(before, after)
    if not changes:
        return
    yield heading("What changed in the text")
    for line in changes[:MAX_CHANGES]:
        style = "green" if line.startswith("+") else "red"
        yield Padding(Text(_cut(line, MAX_CHANGE_CHARACTERS), style=style), INDENT)
    what = f" changed lines{_where_all_are(report)}"
    yield from more_line(len(changes), MAX_CHANGES, what=what)


def _where_all_are(report: StoredRun) -> str:
    if report.is_open_proposal:
        return ": selfheal prompts proposals"
    if report.version is None or report.after_version is None:
        return ""
    option = _task_type_option(report.task_type)
    return f": selfheal prompts diff {report.version} {report.after_version}{option}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _watching(report: StoredRun) -> Iterator[RenderableType]:
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
    """Return the command that lets an earlier version's text serve again."""
    return f"selfheal prompts activate {version}{_task_type_option(task_type)}"


def _task_type_option(task_type: str) -> str:
    if task_type == DEFAULT_TASK_TYPE:
        return ""
    return f" -t {shlex.quote(show_line(task_type))}"


def _what_to_do(report: StoredRun) -> Iterator[RenderableType]:
    short_id = str(report.id)[:8]
    if report.is_open_proposal:
        commands = [f"selfheal prompts approve {short_id}", f"selfheal prompts reject {short_id}"]
        yield from section("How to answer", commands)
    elif report.after_version is not None and report.version is not None:
        command = make_undo_command(report.version, report.task_type)
        yield from section("How to undo", [command, _what_comes_back(report)])
    elif report.outcome == "held" and report.reason in GIVEN_UP:
        yield from section("What you can do", HOLDS[report.reason])


def _what_comes_back(report: StoredRun) -> str:
    if report.before_content is None:
        return ""
    text = show_line(report.before_content, most=MAX_QUOTED_CHARACTERS)
    return f"serves version {_number(report.version)}'s text again: '{text}'"


def _aftermath(report: StoredRun) -> str:
    """Say what followed the run's decision."""
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
    return ""


def _versions(report: StoredRun) -> str:
    before = _number(report.version)
    return before if report.after_version is None else f"{before} -> {report.after_version}"


def _number(version: int | None) -> str:
    return "?" if version is None else str(version)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
