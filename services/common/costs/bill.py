"""Adds up what the calls of one request or run cost, and writes it down."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from typing import Any, Final, Literal

import asyncpg

from services.common.costs.prices import Prices
from services.common.errors import (
    ClientGoneError,
    DatabaseUnavailableError,
    ServiceError,
    UpstreamError,
    UpstreamTimeoutError,
)
from services.common.evaluation_detail import read_detail
from services.common.logging import get_logger
from services.common.metering.spending import Spending, read_spending
from services.common.record.leases import Connect

Purpose = Literal["serving", "judging", "healing"]
UNKNOWN_MODEL: Final = "unknown"
NOTHING: Final = Decimal(0)
NO_PLACE: Final = "The schema is that of the release before, which doesn't keep what models cost."
REMEDY: Final = "Bring it to this release's with: selfheal migrate"

log = get_logger()


async def is_spending_kept(connection: asyncpg.Connection) -> bool:
    """Tell whether the schema has a place for charges; the one before number 7 has none."""
    is_kept: bool = await connection.fetchval(IS_KEPT)
    return is_kept


@dataclass(frozen=True, slots=True)
class Charge:
    """What calls of one model came to; of all, task type, purpose and model are empty.

    Attributes:
        model: As `provider:model`.
        unpriced_calls: Those of the calls that are no part of `cost_usd`, as nobody knows theirs.
        cached_tokens: Those of the input that the provider had kept.
    """

    task_type: str
    purpose: str
    model: str
    calls: int
    unpriced_calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: Decimal


COLUMNS: Final = ", ".join(column.name for column in fields(Charge))
INSERT: Final = f"""
    INSERT INTO selfheal.spending ({COLUMNS})
    SELECT {COLUMNS} FROM jsonb_populate_recordset(NULL::selfheal.spending, $1)
"""
# The table comes with migration 7, the right to it right after.
IS_KEPT: Final = """
    SELECT coalesce(
        has_table_privilege(to_regclass('selfheal.spending'), 'INSERT, SELECT'), FALSE
    )
"""


@dataclass(slots=True)
class Bill:
    """What is charged for one task type."""

    prices: Prices
    task_type: str
    charges: list[Charge] = field(default_factory=list)

    def add(self, purpose: Purpose, model: str, spent: Spending) -> float | None:
        """Charge calls of a model, and return what they cost in USD; None where that isn't known.

        Calls that cost nothing, as they were refused, aren't charged at all.
        """
        if not spent.tokens and not spent.untold_calls:
            return None
        untold = 0 if self.prices.is_free(model) else spent.untold_calls
        cost = self.prices.cost(model, spent)
        self.charges.append(
            Charge(
                self.task_type,
                purpose,
                model or UNKNOWN_MODEL,
                calls=spent.calls,
                unpriced_calls=spent.calls if cost is None else untold,
                input_tokens=spent.input_tokens,
                cached_tokens=spent.cached_tokens,
                output_tokens=spent.output_tokens,
                cost_usd=cost or NOTHING,
            )
        )
        return None if cost is None or untold else float(cost)

    def add_judging(self, purpose: Purpose, detail: dict[str, Any]) -> dict[str, Any]:
        """Charge what an evaluation's judge came to; returns the detail with what it cost."""
        judge = read_detail(detail).judge
        cost = self.add(purpose, judge.name, judge.spent)
        return detail if cost is None else detail | {"judge": detail["judge"] | {"cost_usd": cost}}

    def add_failure(self, purpose: Purpose, failure: ServiceError, *, is_asked: bool) -> None:
        """Charge what a service says that it spent on what failed.

        Args:
            is_asked: Whether a model was asked for certain: where the service couldn't say what
                was spent, since time was up or the client gone, that isn't known.
        """
        told = read_spending(failure.told) if isinstance(failure, UpstreamError) else None
        if told is not None:
            self.add(purpose, *told)
        elif is_asked and isinstance(failure, UpstreamTimeoutError | ClientGoneError):
            self.add(purpose, UNKNOWN_MODEL, Spending(calls=1, untold_calls=1))

    async def keep(self, connection: asyncpg.Connection) -> None:
        """Write the charges down, where the schema has a place for them."""
        if self.charges and await is_spending_kept(connection):
            await connection.execute(INSERT, self.as_json())

    def as_json(self) -> list[dict[str, Any]]:
        """Write the charges so that JSON loses nothing of the money."""
        return [asdict(charge) | {"cost_usd": f"{charge.cost_usd:f}"} for charge in self.charges]


@asynccontextmanager
async def charging(prices: Prices, task_type: str, connect: Connect) -> AsyncIterator[Bill]:
    """Keep what is charged within, come what may; what it is of stands without it, too."""
    bill = Bill(prices, task_type)
    try:
        yield bill
    finally:
        if bill.charges:
            try:
                async with connect() as connection:
                    await bill.keep(connection)
            except (DatabaseUnavailableError, asyncpg.PostgresError) as error:
                log.warning("spending_not_kept", task_type=task_type, message=str(error))
