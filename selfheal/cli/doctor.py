"""`selfheal doctor`: what works on this machine and what doesn't, with the remedy."""

from typing import Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from selfheal.cli.terminal import (
    FAILURE_EXIT_CODE,
    AsJson,
    friendly_errors,
    print_json,
    showing_progress,
)
from selfheal.runtime.assembly import build_system
from selfheal.runtime.diagnosis import examine
from services.common.config import Settings
from services.common.diagnosis.checks import Check, CheckResult

_STYLES: Final = {
    CheckResult.OK: "green",
    CheckResult.WARN: "yellow",
    CheckResult.FAIL: "bold red",
}

output = Console()


def doctor(as_json: AsJson = False) -> None:
    """Check this machine and the settings; exits with 1 if something needed is missing.

    Example: selfheal doctor --json
    """
    checks: list[Check] = []
    with friendly_errors(), showing_progress("checking"):
        settings = Settings()
        checks.extend(examine(settings, build_system(settings)))
    works = all(check.result is not CheckResult.FAIL for check in checks)
    if as_json:
        told = [
            {"name": one.name, "verdict": one.result, "found": one.found, "remedy": one.remedy}
            for one in checks
        ]
        print_json({"works": works, "checks": told})
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
        table.add_row(Text(check.result.value, style=_STYLES[check.result]), check.name, found)
    return table
