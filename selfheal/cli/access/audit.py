"""`selfheal audit`: who changed what, and when."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, fields
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import asyncpg
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from selfheal.cli.logs.moments import Since
from selfheal.cli.terminal import (
    AsJson,
    friendly_errors,
    messages,
    print_json,
)
from selfheal.operator_database import ask_database
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.presentation.csv_text import write_csv_line
from services.common.presentation.visible_text import make_visible_line
from services.common.record.audit import AuditEvent, AuditFilter, load_events, read_events

MAX_VALUE_CHARACTERS: Final = 40

ByPerson = Annotated[
    str | None,
    typer.Option("--person", "-p", help="Only what this person did, or key:NAME.", metavar="NAME"),
]
OfTaskType = Annotated[
    str | None, typer.Option("--task-type", "-t", help="Only this task type.", metavar="NAME")
]

app = typer.Typer(no_args_is_help=True, help="See who changed what; `prompts`, keys, accounts.")
output = Console()


@app.command("list")
def list_events(
    person: ByPerson = None,
    task_type: OfTaskType = None,
    since: Since = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Rows.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what was changed, the latest first.

    A change by plain SQL names no person: its database user stands in parentheses.

    Example: selfheal audit list --person alice --since 2026-11-01
    """
    meant = _read_filter(person, task_type, since)
    with friendly_errors():
        events = ask_database(Settings(), lambda one: load_events(one, meant, limit=limit))
    if as_json:
        print_json([asdict(event) for event in events])
    elif events:
        output.print(_make_table(events))
    else:
        messages.print("Nothing of that kind was changed.")


@app.command("export")
def export_events(
    person: ByPerson = None,
    task_type: OfTaskType = None,
    since: Since = None,
    file_format: Annotated[
        Literal["csv", "jsonl"],
        typer.Option("--format", "-f", help="For a spreadsheet, or an object a line."),
    ] = "csv",
    file: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to, instead of standard output.")
    ] = None,
) -> None:
    """Write out all that was changed, the latest first.

    Example: selfheal audit export --format jsonl --output audit.jsonl
    """
    meant = _read_filter(person, task_type, since)
    with friendly_errors():
        count = ask_database(Settings(), lambda one: _export(one, meant, file_format, file))
    messages.print(f"Wrote {count:,} events.")


async def _export(
    connection: asyncpg.Connection, meant: AuditFilter, file_format: str, file: Path | None
) -> int:
    count = 0
    with _writing(file) as write:
        if file_format == "csv":
            write(write_csv_line(column.name for column in fields(AuditEvent)))
        async for event in read_events(connection, meant):
            if file_format == "csv":
                write(write_csv_line(astuple(event)))
            else:
                write(json.dumps(asdict(event), default=_write_moment) + "\n")
            count += 1
    return count


@contextmanager
def _writing(file: Path | None) -> Iterator[Callable[[str], object]]:
    """Write to a file anew, or to standard output where none is named; a disk is no database."""

    def attempt(do: Callable[..., Any], *args: Any) -> Any:
        try:
            return do(*args)
        except OSError as error:
            where = file or "standard output"
            raise EmbeddedRuntimeError(f"Can't write {where}: {error.strerror}.") from error

    if file is None:
        yield partial(attempt, sys.stdout.write)
        return
    out = attempt(partial(file.open, "w", encoding="utf-8", newline=""))
    try:
        yield partial(attempt, out.write)
    finally:
        attempt(out.close)


def _read_filter(person: str | None, task_type: str | None, since: datetime | None) -> AuditFilter:
    return AuditFilter(
        person=person,
        task_types=[task_type] if task_type is not None else None,
        since=since,
    )


def _make_table(events: list[AuditEvent]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("when", "who", "what", "task type"):
        table.add_column(title, no_wrap=title == "when")
    table.add_column("what changed", overflow="fold")
    for event in events:
        cells = (
            f"{event.at.astimezone():%Y-%m-%d %H:%M:%S}",
            event.person or f"({event.database_user})",
            f"{event.action} {event.object}",
            event.task_type or "",
            _tell_changes(event),
        )
        table.add_row(*(Text(make_visible_line(cell)) for cell in cells))
    return table


def _tell_changes(event: AuditEvent) -> str:
    if event.before is None or event.after is None:
        return ""
    return "; ".join(
        f"{name}: {_shorten(old)} → {_shorten(new)}" for name, (old, new) in event.changes.items()
    )


def _shorten(value: Any) -> str:
    text = make_visible_line(value if isinstance(value, str) else json.dumps(value))
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[: MAX_VALUE_CHARACTERS - 1]}…"


def _write_moment(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
