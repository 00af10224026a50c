"""What was spent, in PostgreSQL: the lines and the hours add up to the whole."""

import random
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import uuid4

import asyncpg
from support.earlier_schema import schema_before_7

from services.common.costs.bill import Bill, Charge, charging
from services.common.costs.hours import MERGE, SUMMED, Costs, add_up, load_costs
from services.common.costs.prices import Prices
from services.common.metering.spending import Spending
from services.common.settings.costs import Price
from services.manager.app.log.rows import Execution, Row, decode_row, encode_row, insert_row

PRICES = Prices({"openai:known": Price(input=Decimal("0.0003"), output=Decimal(7))})
START = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 40
INSERT = f"""
    INSERT INTO selfheal.spending (at, task_type, purpose, model, {", ".join(SUMMED)})
    SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::bigint[],
        $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::numeric[])
"""


def make_charges(count: int) -> list[tuple[datetime, Charge]]:
    dice = random.Random(18)
    made = []
    for _ in range(count):
        bill = Bill(PRICES, dice.choice("ab"))
        spent = Spending(1, dice.randrange(1, 500), dice.randrange(500), untold_calls=0)
        model = dice.choice(["openai:known", "openai:new", "local:m"])
        bill.add(dice.choice(["serving", "judging", "healing"]), model, spent)  # type: ignore[arg-type]
        at = START + timedelta(seconds=dice.randrange(DAYS * 86_400))
        made.append((at, bill.charges[0]))
    return made


async def load(
    connection: asyncpg.Connection, now: datetime, task_types: list[str] | None = None
) -> Costs:
    found = await load_costs(connection, now, task_types)
    assert found is not None
    return found


def count(charges: list[tuple[datetime, Charge]], start: datetime) -> Charge:
    return add_up([charge for at, charge in charges if at >= start])


async def test_all_lines_add_up_to_the_whole_before_and_after_the_hours_are_made(
    connection: asyncpg.Connection,
) -> None:
    made = make_charges(2_000)
    columns = [[at for at, _ in made]] + [
        [getattr(charge, name) for _, charge in made]
        for name in ("task_type", "purpose", "model", *SUMMED)
    ]
    await connection.execute(INSERT, *columns)
    for round_number in range(3):
        for day in (1, 15, 30):
            # An evening there is the next day in UTC, as providers count.
            now = (START + timedelta(days=day, hours=-1)).astimezone(timezone(timedelta(hours=9)))
            spent = await load(connection, now)
            assert spent.day == count(made, START + timedelta(days=day - 1))
            assert spent.month == count(made, START)
            assert add_up([of_day for of_day, _ in spent.lines]) == spent.day
            assert add_up([of_month for _, of_month in spent.lines]) == spent.month
            of_a = await load(connection, now, ["a"])
            assert of_a.month == add_up([one for _, one in spent.lines if one.task_type == "a"])
        assert spent.unpriced_models == ["openai:new"]
        assert all(one.cost_usd == 0 for _, one in spent.lines if one.model != "openai:known")
        if round_number == 0:
            assert await connection.fetchval(MERGE) is False
        # What comes late, or is merged twice, changes nothing of what was there.
        await connection.execute(INSERT, *[column[:50] for column in columns])
        made += made[:50]
        await connection.fetchval(MERGE)
    assert await connection.fetchval("SELECT bool_and(is_hour) FROM selfheal.spending")


async def test_a_row_of_the_log_is_charged_once_however_often_it_lands(
    connection: asyncpg.Connection,
) -> None:
    bill = Bill(PRICES, "t")
    bill.add("serving", "openai:known", Spending(1, 1, 1))
    bill.add("judging", "openai:new", Spending(2, 5, 1))
    row = Row(Execution(uuid4(), "t", "u", "u"), charges=bill.as_json(), created_at=START)
    spooled = decode_row(encode_row(row))
    assert spooled == row
    for _ in range(2):
        await insert_row(connection, spooled)
    charged = [one for _, one in (await load(connection, START)).lines]
    assert sorted(charged, key=lambda one: one.purpose, reverse=True) == bill.charges
    assert charged[0].cost_usd == Decimal("0.0000070003")
    assert await connection.fetchval("SELECT count(*) FROM execution_logs") == 1


async def test_a_bill_is_kept_and_a_lost_database_ends_nothing(
    connection: asyncpg.Connection,
) -> None:
    @asynccontextmanager
    async def lend() -> AsyncIterator[asyncpg.Connection]:
        yield connection

    @asynccontextmanager
    async def fail() -> AsyncIterator[asyncpg.Connection]:
        raise asyncpg.PostgresConnectionError("lost")
        yield connection

    for connect in (fail, lend):
        async with charging(PRICES, "t", connect) as bill:
            bill.add("healing", "openai:known", Spending(1, 1, 1))
    async with charging(PRICES, "t", fail):
        pass
    [(today, month)] = (await load(connection, datetime.now(UTC))).lines
    assert [today] == [month] == bill.charges


async def test_on_the_schema_before_a_bill_is_dropped_quietly(
    connection: asyncpg.Connection, log_entries: list[MutableMapping[str, Any]]
) -> None:
    @asynccontextmanager
    async def lend() -> AsyncIterator[asyncpg.Connection]:
        yield connection

    async with schema_before_7(connection):
        async with charging(PRICES, "t", lend) as bill:
            bill.add("healing", "openai:known", Spending(1, 1, 1))
        assert await load_costs(connection, START) is None
    assert log_entries == []
