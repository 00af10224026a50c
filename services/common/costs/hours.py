"""Adds up what was spent by the hour, and reads what a day and a month came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg

from services.common.costs.bill import COLUMNS, Charge, is_spending_kept

SUMMED: Final = (
    "calls", "unpriced_calls", "input_tokens", "cached_tokens", "output_tokens", "cost_usd"
)  # fmt: skip
SUMS: Final = ", ".join(
    f"sum({name})::{'numeric' if name == 'cost_usd' else 'bigint'} AS {name}" for name in SUMMED
)
MERGED_AT_ONCE: Final = 20_000
# Turns calls into hours; tells whether there may be more of them.
MERGE: Final = f"""
    WITH merged AS (
        DELETE FROM selfheal.spending
        WHERE NOT is_hour AND ctid = ANY (ARRAY(
            SELECT ctid FROM selfheal.spending WHERE NOT is_hour ORDER BY at LIMIT {MERGED_AT_ONCE}
        ))
        RETURNING *
    ), kept AS (
        INSERT INTO selfheal.spending AS s (at, is_hour, {COLUMNS})
        SELECT date_trunc('hour', at, 'UTC') AS hour, TRUE, task_type, purpose, model, {SUMS}
        FROM merged GROUP BY hour, task_type, purpose, model
        ON CONFLICT (at, task_type, purpose, model) WHERE is_hour DO UPDATE SET
            {", ".join(f"{name} = s.{name} + excluded.{name}" for name in SUMMED)}
    )
    SELECT count(*) = {MERGED_AT_ONCE} FROM merged
"""
# By its two indexes: each holds one kind of rows. Each kind is added up by itself first, as only of
# a table the planner knows how few groups there are; else it sorts all rows.
SPENT: Final = " UNION ALL ".join(
    f"""
        SELECT task_type, purpose, model, {SUMS} FROM selfheal.spending
        WHERE {kind} AND at >= $1 AND ($2::text[] IS NULL OR task_type = ANY($2)) GROUP BY 1, 2, 3
    """
    for kind in ("is_hour", "NOT is_hour")
)
SELECT_SPENT: Final = f"""
    SELECT task_type, purpose, model, {SUMS} FROM ({SPENT}) AS spent GROUP BY 1, 2, 3
    ORDER BY sum(cost_usd) DESC, task_type, purpose, model
"""


@dataclass(frozen=True, slots=True)
class Costs:
    """What was spent in a day and in its month, in UTC, as providers count.

    Attributes:
        day: All of the day.
        month: All of the month.
        lines: The day beside the month by task type, purpose and model, the dearest first.
    """

    day: Charge
    month: Charge
    lines: list[tuple[Charge, Charge]]

    @property
    def unpriced_models(self) -> list[str]:
        """The models that calls without a known price were made of."""
        return sorted({month.model for _, month in self.lines if month.unpriced_calls})


async def load_costs(
    connection: asyncpg.Connection, now: datetime, task_types: Sequence[str] | None = None
) -> Costs | None:
    """Load what was spent up to now, by these task types or all; None where it isn't kept."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    months = await load_spent(connection, today.replace(day=1), task_types)
    if months is None:
        return None
    days = await load_spent(connection, today, task_types) or []
    of_day = {(one.task_type, one.purpose, one.model): one for one in days}
    nothing = add_up([])
    lines = [(of_day.get((one.task_type, one.purpose, one.model), nothing), one) for one in months]
    return Costs(add_up(days), add_up(months), lines)


async def load_spent(
    connection: asyncpg.Connection, since: datetime, task_types: Sequence[str] | None = None
) -> list[Charge] | None:
    """Load what was spent since the beginning of an hour, the dearest first; likewise."""
    if not await is_spending_kept(connection):
        return None
    return [Charge(**row) for row in await connection.fetch(SELECT_SPENT, since, task_types)]


def add_up(charges: Sequence[Charge]) -> Charge:
    """Add charges up, of whichever task types, purposes and models."""
    return Charge("", "", "", *(sum(getattr(one, name) for one in charges) for name in SUMMED))


def show_usd(spent: Charge) -> str:
    """Write the money in USD, `unknown` where none of the calls has a price."""
    if spent.calls and spent.calls == spent.unpriced_calls:
        return "unknown"
    cents = spent.cost_usd == 0 or spent.cost_usd >= 1
    return f"${spent.cost_usd:,.{2 if cents else 6}f}"
