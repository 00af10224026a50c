"""`selfheal costs`: what the models cost, by task type, model and purpose."""

from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from selfheal.cli.terminal import (
    AsJson,
    friendly_errors,
    messages,
    print_json,
)
from selfheal.operator_database import ask_about
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.costs.bill import NO_PLACE, REMEDY, Charge
from services.common.costs.hours import SUMMED, Costs, load_costs, show_usd
from services.common.presentation.visible_text import make_visible_line

COLUMNS: Final = ("today", "this month", "calls", "tokens")

output = Console()


def costs(as_json: AsJson = False) -> None:
    """Show what the models cost today and this month, in UTC, by task type, purpose and model.

    Serving, judging and healing are told apart. Calls whose price isn't known are counted, and
    never taken for free: docs/costs.md says how to give a price.

    Example: selfheal costs
    """
    with friendly_errors():
        found = ask_about(None, lambda connection: load_costs(connection, datetime.now(UTC)))
        if found is None:
            raise EmbeddedRuntimeError(NO_PLACE, remedy=REMEDY)
    if as_json:
        print_json(describe(found))
    elif found.lines:
        _print(found)
    else:
        messages.print("No model was asked this month.")


def describe(found: Costs) -> dict[str, Any]:
    """Write costs as JSON; money as text, to the last digit."""

    def write(day: Charge, month: Charge) -> dict[str, Any]:
        return {
            name: {key: getattr(of, key) for key in SUMMED} | {"cost_usd": f"{of.cost_usd:f}"}
            for name, of in (("today", day), ("this_month", month))
        }

    return {
        "total": write(found.day, found.month),
        "costs": [
            {"task_type": month.task_type, "purpose": month.purpose, "model": month.model}
            | write(day, month)
            for day, month in found.lines
        ],
        "unpriced_models": found.unpriced_models,
    }


def _print(found: Costs) -> None:
    table = Table(box=None, pad_edge=False, show_footer=True)
    for title, total in (("task type", "all"), ("purpose", ""), ("model", "")):
        table.add_column(title, total, overflow="fold")
    for title, value in zip(COLUMNS, _tell(found.day, found.month), strict=True):
        table.add_column(title, value, justify="right")
    for day, month in found.lines:
        named = month.task_type, month.purpose, month.model
        table.add_row(*map(make_visible_line, named), *_tell(day, month))
    output.print(table, highlight=False)
    if found.month.unpriced_calls:
        models = make_visible_line(", ".join(found.unpriced_models))
        output.print(
            f"{found.month.unpriced_calls:,} of {found.month.calls:,} calls have no known price: "
            f"{models}",
            style="yellow",
            markup=False,
            highlight=False,
        )


def _tell(day: Charge, month: Charge) -> tuple[str, ...]:
    tokens = month.input_tokens + month.output_tokens
    return show_usd(day), show_usd(month), f"{month.calls:,}", f"{tokens:,}"
