"""`selfheal costs`: what the models cost, by task type, model and purpose."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import typer
from rich.console import Console
from rich.table import Table

from selfheal.cli.lifecycle import AsJson, friendly_errors, messages, print_json
from selfheal.cli.reports import AnyTaskType
from selfheal.operator_database import ask_about
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.costs.bill import Charge
from services.common.costs.hours import (
    Total,
    add_up,
    begin_day,
    begin_month,
    group,
    load_spent,
    name_unpriced,
    show_usd,
)
from services.common.presentation.visible_text import make_visible_line

COLUMNS: Final = {"task-type": "task_type", "model": "model", "purpose": "purpose"}
DAY: Final = timedelta(days=1)

output = Console()


def costs(
    by: Annotated[
        Literal["task-type", "model", "purpose"], typer.Option("--by", help="What to group by.")
    ] = "purpose",
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day, in UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day, in UTC.")
    ] = None,
    task_type: AnyTaskType = None,
    as_json: AsJson = False,
) -> None:
    """Show what the models cost: today and this month, or from one day to another, in UTC.

    Serving, judging and healing are told apart. Calls whose price isn't known are counted, and
    never taken for free: docs/costs.md says how to give a price.

    Example: selfheal costs --by model --since 2026-11-01
    """
    with friendly_errors():
        spans = find_spans(since, until, datetime.now(UTC))
        found = {name: _load(task_type, *span) for name, span in spans.items()}
    if as_json:
        print_json({name: describe(charges, COLUMNS[by]) for name, charges in found.items()})
        return
    for name, charges in found.items():
        _print(name, charges, by)


def _load(task_type: str | None, start: datetime, end: datetime) -> list[Charge]:
    only = [task_type] if task_type else None
    return ask_about(task_type, lambda connection: load_spent(connection, start, end, only))


def find_spans(
    since: datetime | None, until: datetime | None, now: datetime
) -> dict[str, tuple[datetime, datetime]]:
    """Find the times that are asked for, by what they are called.

    Raises:
        EmbeddedRuntimeError: If they end before they begin.
    """
    end = begin_day(now) + DAY
    if since is None and until is None:
        return {"today": (begin_day(now), end), "this month": (begin_month(now), end)}
    last = until.replace(tzinfo=UTC) if until else begin_day(now)
    first = since.replace(tzinfo=UTC) if since else begin_month(last)
    if first > last:
        raise EmbeddedRuntimeError(
            f"--since {first:%Y-%m-%d} is after --until {last:%Y-%m-%d}.",
            remedy="Give the earlier day to --since.",
        )
    return {f"{first:%Y-%m-%d} to {last:%Y-%m-%d}": (first, last + DAY)}


def describe(charges: Sequence[Charge], column: str) -> dict[str, Any]:
    """Write the sums of all charges and of each group as JSON; money as text, to the last digit."""
    return {
        "total": _write(add_up(charges)),
        f"by_{column}": {name: _write(one) for name, one in group(charges, column).items()},
        "unpriced_models": name_unpriced(charges),
    }


def _write(total: Total) -> dict[str, Any]:
    return asdict(total) | {"cost_usd": f"{total.cost_usd:f}"}


def _print(name: str, charges: Sequence[Charge], by: str) -> None:
    total = add_up(charges)
    if not charges:
        messages.print(f"{name}: no model was asked.")
        return
    table = Table(box=None, pad_edge=False, show_footer=True)
    table.add_column(by, "all", overflow="fold")
    for title, value in (
        ("cost", show_usd(total)),
        ("calls", f"{total.calls:,}"),
        ("tokens in", f"{total.input_tokens:,}"),
        ("tokens out", f"{total.output_tokens:,}"),
    ):
        table.add_column(title, value, justify="right")
    for key, one in group(charges, COLUMNS[by]).items():
        table.add_row(
            make_visible_line(key),
            show_usd(one),
            f"{one.calls:,}",
            f"{one.input_tokens:,}",
            f"{one.output_tokens:,}",
        )
    output.print(f"{name} (UTC)", style="bold", highlight=False)
    output.print(table, highlight=False)
    if total.unpriced_calls:
        models = make_visible_line(", ".join(name_unpriced(charges)))
        output.print(
            f"{total.unpriced_calls:,} of {total.calls:,} calls have no known price: {models}",
            style="yellow",
            markup=False,
            highlight=False,
        )
