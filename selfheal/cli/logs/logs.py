"""`selfheal logs`: the execution log, and each process's own."""

from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from selfheal.cli.logs.export import export
from selfheal.cli.terminal import (
    friendly_errors,
    messages,
    print_json,
)
from selfheal.operator_database import ask_database
from selfheal.runtime.assembly import build_system
from selfheal.runtime.errors import EmbeddedRuntimeError
from selfheal.runtime.process_plan import OPTIMIZER
from services.common.config import Settings
from services.common.evaluation_detail import read_detail
from services.common.models import EXECUTION_COLUMNS
from services.common.presentation.visible_text import make_visible_line

SELECT_EXECUTIONS = f"""
    SELECT {EXECUTION_COLUMNS},
           EXISTS (SELECT FROM selfheal.pending_scores WHERE execution_id = id) AS is_pending
    FROM execution_logs
    WHERE NOT $1 OR evaluation_passed IS FALSE
       OR (evaluation_passed IS NULL AND error_message IS NOT NULL)
    ORDER BY id DESC
    LIMIT $2
"""

app = typer.Typer(invoke_without_command=True)
output = Console()
app.command()(export)


@app.callback()
def logs(
    context: typer.Context,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only what failed or could not be scored.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Rows.")] = 20,
    service: Annotated[
        str | None,
        typer.Option("--service", "-s", help="Show a process's own log instead.", metavar="NAME"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an object a line.")] = False,
) -> None:
    """Show the latest requests with their scores, or what a process wrote.

    Example: selfheal logs --failed --json
    """
    if context.invoked_subcommand:
        return
    with friendly_errors():
        if service is not None:
            _show_process_log(service, lines=limit)
            return
        rows = _load(failed=failed, limit=limit)
    if as_json:
        for row in rows:
            print_json(row, indent=None)
        return
    if not rows:
        messages.print("Nothing is logged yet." if not failed else "Nothing failed.")
        return
    output.print(_make_table(rows))


def _load(*, failed: bool, limit: int) -> list[dict[str, Any]]:
    async def select(connection: asyncpg.Connection) -> list[dict[str, Any]]:
        return [dict(row) for row in await connection.fetch(SELECT_EXECUTIONS, failed, limit)]

    return ask_database(Settings(), select)


def _make_table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, expand=True)
    for title, width in (("when", 8), ("request", 8), ("prompt", 6), ("score", 5), ("result", 8)):
        table.add_column(title, width=width, no_wrap=True)
    table.add_column("input", ratio=1, overflow="ellipsis", no_wrap=True)
    table.add_column("output or error", ratio=1, overflow="ellipsis", no_wrap=True)
    for row in rows:
        score, removed = row["evaluation_score"], read_detail(row["evaluation_detail"]).removed.by
        result, style = _tell_result(row)
        table.add_row(
            f"{row['created_at'].astimezone():%H:%M:%S}",
            str(row["request_id"])[:8],
            f"v{row['prompt_version']}" if row["prompt_version"] is not None else "",
            f"{score:.3f}" if score is not None else "",
            Text(result, style=style),
            Text(make_visible_line(f"removed by {removed}" if removed else row["user_input"])),
            Text(make_visible_line(row["error_message"] or row["worker_output"] or "")),
        )
    return table


def _tell_result(row: dict[str, Any]) -> tuple[str, str]:
    """Say what became of an answer, and in which colour."""
    if row["evaluation_passed"] is not None:
        return ("passed", "green") if row["evaluation_passed"] else ("failed", "red")
    if row["error_message"]:
        return "unscored", "yellow"
    # Not chosen to be scored, or its client hung up.
    return ("pending", "dim") if row["is_pending"] else ("no score", "dim")


def _show_process_log(name: str, *, lines: int) -> None:
    system = build_system(Settings())
    parts = [*system.parts(), system.processes.process(OPTIMIZER)]
    known = {part.name: part for part in parts}
    if name not in known:
        raise EmbeddedRuntimeError(
            f"There is no process {name!r}.", remedy=f"There are: {', '.join(known)}."
        )
    path = known[name].log_file
    if not path.is_file():
        raise EmbeddedRuntimeError(f"{name} has written no log yet.", remedy=f"See {path}.")
    text = path.read_text(encoding="utf-8", errors="replace")
    typer.echo("\n".join(text.splitlines()[-lines:]))
