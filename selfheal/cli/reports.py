"""`selfheal reports`: what the Optimizer decided, why, and what became of it."""

from dataclasses import asdict
from typing import Annotated, Final

import asyncpg
import typer
from rich.console import Console

from selfheal.cli.short_ids import parse_short_id
from selfheal.cli.terminal import (
    AsJson,
    friendly_errors,
    messages,
    print_json,
)
from selfheal.display.report.rendering import make_list, print_report
from selfheal.operator_database import ask_about
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.presentation.visible_text import make_visible_line
from services.common.record.rollouts.rollout import Rollout, load_open_rollouts
from services.common.record.stored_runs import (
    StoredRun,
    load_latest_run,
    load_runs,
    load_runs_by_id,
    load_runs_by_report,
)

LATEST: Final = "latest"
LEAST_DIGITS: Final = 4
MAX_REPORT_ID: Final = 2**31 - 1

AnyTaskType = Annotated[
    str | None, typer.Option("--task-type", "-t", help="Only this task type.", show_default="all")
]

app = typer.Typer(no_args_is_help=True, help="See what the Optimizer decided, and why.")
output = Console()


@app.command("list")
def list_reports(
    task_type: AnyTaskType = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Rows.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the latest runs: healed, proposed, held and rolled back.

    Example: selfheal reports list -n 5
    """

    async def load(connection: asyncpg.Connection) -> tuple[list[StoredRun], list[Rollout]]:
        runs = await load_runs(connection, task_type=task_type, limit=limit)
        return runs, await load_open_rollouts(connection, task_type)

    with friendly_errors():
        reports, rollouts = ask_about(task_type, load)
    if as_json:
        rows = [{**asdict(report), "summary": report.detail.get("summary")} for report in reports]
        for row in rows:
            for name in ("detail", "before_content", "after_content"):
                del row[name]
        print_json(rows)
    elif reports:
        output.print(make_list(reports, rollouts, width=output.width))
    else:
        messages.print("The Optimizer has decided nothing yet.")


@app.command("show")
def show_report(
    run_id: Annotated[
        str,
        typer.Argument(
            help="Id of a run, or its first 4 digits or more; or of a report; or latest."
        ),
    ] = LATEST,
    task_type: AnyTaskType = None,
    as_json: AsJson = False,
) -> None:
    """Show one run: what failed, whose fault it was, what was tried, decided, spent, watched.

    Example: selfheal reports show latest
    """
    with friendly_errors():
        report = find_report(run_id, task_type=task_type)
    if as_json:
        print_json(asdict(report))
    else:
        print_report(output, report)


def find_report(run_id: str, *, task_type: str | None = None) -> StoredRun:
    """Load the one run that was meant.

    Raises:
        EmbeddedRuntimeError: If there is none, or more than one.
    """
    number = parse_number(run_id)
    is_short_number = number is not None and len(run_id) < LEAST_DIGITS
    span = None
    if run_id != LATEST and not is_short_number:
        span = parse_short_id(run_id, least=LEAST_DIGITS, of="a run", see="selfheal reports list")

    async def load(connection: asyncpg.Connection) -> list[StoredRun]:
        if run_id == LATEST:
            return await load_latest_run(connection, task_type=task_type)
        found = await load_runs_by_id(connection, *span) if span else []
        if number and not found:
            found = await load_runs_by_report(connection, number)
        return found

    reports = ask_about(task_type, load)
    if not reports:
        what = "report" if len(run_id) < LEAST_DIGITS else "run"
        raise EmbeddedRuntimeError(
            "The Optimizer has decided nothing yet."
            if run_id == LATEST
            else f"There is no {what} {make_visible_line(run_id)[:80]}.",
            remedy="See what there is with: selfheal reports list",
        )
    if len(reports) > 1:
        ids = ", ".join(str(report.id) for report in reports)
        raise EmbeddedRuntimeError(
            f"{len(reports)} runs begin like that: {ids}.", remedy="Give more digits."
        )
    return reports[0]


def parse_number(text: str) -> int | None:
    """Read the id of a row in `optimization_reports`; None where the text can't be one."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_REPORT_ID))
    return int(text) if is_number and 0 < int(text) <= MAX_REPORT_ID else None
