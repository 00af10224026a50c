"""Adds up what was spent by the hour, and reads it by day, month, task type, purpose and model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import asyncpg

from services.common.costs.bill import COLUMNS, Charge

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
# By its two indexes: each holds one kind of rows.
_SPENT: Final = " UNION ALL ".join(
    f"""
        SELECT {COLUMNS} FROM selfheal.spending
        WHERE {kind} AND at >= $1 AND at < $2 AND ($3::text[] IS NULL OR task_type = ANY($3))
    """
    for kind in ("is_hour", "NOT is_hour")
)
SELECT_SPENT: Final = f"""
    SELECT task_type, purpose, model, {SUMS} FROM ({_SPENT}) AS spent
    GROUP BY task_type, purpose, model
    ORDER BY sum(cost_usd) DESC, task_type, purpose, model
"""
NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Total:
    """What calls came to together; `cost_usd` is that of all but the unpriced calls."""

    calls: int = 0
    unpriced_calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = NOTHING


async def load_spent(
    connection: asyncpg.Connection,
    since: datetime,
    until: datetime,
    task_types: Sequence[str] | None = None,
) -> list[Charge]:
    """Load what was spent in a time that begins and ends with an hour, the most first.

    Args:
        task_types: These alone; None for all.
    """
    rows = await connection.fetch(SELECT_SPENT, since, until, task_types)
    return [Charge(**row) for row in rows]


def begin_month(moment: datetime) -> datetime:
    """Return when its month began, in UTC, as providers count."""
    return begin_day(moment).replace(day=1)


def begin_day(moment: datetime) -> datetime:
    """Return when its day began, in UTC, as providers count."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def add_up(charges: Sequence[Charge]) -> Total:
    """Add charges up."""
    return Total(*(sum(getattr(one, name) for one in charges) for name in SUMMED))


def group(charges: Sequence[Charge], by: str) -> dict[str, Total]:
    """Add charges up by their `task_type`, `purpose` or `model`, the dearest first."""
    groups: dict[str, list[Charge]] = {}
    for charge in charges:
        groups.setdefault(getattr(charge, by), []).append(charge)
    totals = {name: add_up(of_it) for name, of_it in groups.items()}
    return dict(sorted(totals.items(), key=lambda one: (-one[1].cost_usd, one[0])))


def show_usd(total: Total) -> str:
    """Write the money in USD, `unknown` where none of the calls has a price."""
    if total.calls and total.calls == total.unpriced_calls:
        return "unknown"
    cents = total.cost_usd == 0 or total.cost_usd >= 1
    return f"${total.cost_usd:,.{2 if cents else 6}f}"


def name_unpriced(charges: Sequence[Charge]) -> list[str]:
    """Name the models that calls without a known price were made of."""
    return sorted({charge.model for charge in charges if charge.unpriced_calls})
