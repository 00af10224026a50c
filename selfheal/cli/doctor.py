"""`selfheal doctor`: what works on this machine and what doesn't, with the remedy."""

import json
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from selfheal.cli.lifecycle import FAILURE_EXIT_CODE, friendly_errors, showing_progress
from selfheal.runtime.assembly import build_system
from selfheal.runtime.diagnosis import Check, Verdict, examine
from services.common.config import Settings

_STYLES: Final = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}

output = Console()


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Check this machine and the settings; exits with 1 if something needed is missing.

    Example: selfheal doctor --json
    """
    checks: list[Check] = []
    with friendly_errors(), showing_progress("checking"):
        settings = Settings()
        checks.extend(examine(settings, build_system(settings)))
    works = all(check.verdict is not Verdict.FAIL for check in checks)
    if as_json:
        content = {"works": works, "checks": [asdict(check) for check in checks]}
        typer.echo(json.dumps(content, indent=2))
    else:
        output.print(_make_table(checks))
    if not works:
        raise typer.Exit(FAILURE_EXIT_CODE)


def _make_table(checks: list[Check]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for check in checks:
        found = Text(check.found)
        if check.remedy:
            found.append(f"\n{check.remedy}", style="italic")
        table.add_row(Text(check.verdict.value, style=_STYLES[check.verdict]), check.name, found)
    return table
