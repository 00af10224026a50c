"""Rows on the schema of the release before: what that has no place for is dropped, no row is."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from support.earlier_schema import schema_before_7

from services.common.costs.bill import Bill
from services.common.costs.prices import Prices
from services.common.database import Database
from services.common.metering.spending import Spending
from services.common.settings.costs import Price
from services.manager.app.log.landing import Lander
from services.manager.app.log.rows import Execution, Row, encode_row
from services.manager.app.log.spool.spool import Spool
from services.manager.app.log.writer import RowWriter
from services.manager.app.scoring.sampling import Mark

PARENT = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
TRACED = {
    "conversation": {"messages": [], "parameters": {}, "variables": {}, "prompt_id": 1},
    "mark": Mark(with_judge=True, rules_share=1.0, judge_share=0.5),
    "trace_parent": PARENT,
}
COUNT = "SELECT count(*) FROM {}"
# Only rows with a conversation have a mark.
TRACES = "SELECT array_agg(trace_parent) FROM selfheal.pending_scores"


def make_row(**more: Any) -> Row:
    bill = Bill(Prices({"openai:m": Price(input=Decimal(1), output=Decimal(1))}), "t")
    bill.add("serving", "openai:m", Spending(calls=1, input_tokens=2, output_tokens=3))
    return Row(Execution(uuid4(), "t", "u", "u"), charges=bill.as_json(), **more)


async def write_within(connection: asyncpg.Connection) -> None:
    await connection.execute("SELECT 1")


@pytest.mark.parametrize(("more", "traces"), [({}, None), (TRACED, [PARENT])])
async def test_a_row_is_written_on_the_schema_before_and_charged_once_that_is_this_ones(
    database: Database,
    connection: asyncpg.Connection,
    more: dict[str, Any],
    traces: list[str] | None,
) -> None:
    writer = RowWriter(database, None)
    async with schema_before_7(connection):
        await writer.write(make_row(**more))
        await writer.write(make_row(**more), within=write_within)
    assert await connection.fetchval(COUNT.format("execution_logs")) == 2
    assert await connection.fetchval(COUNT.format("selfheal.spending")) == 0
    dropped: list[None] = await connection.fetchval(TRACES)
    assert dropped == (traces and [None, None])
    await connection.execute("DELETE FROM selfheal.pending_scores")
    for _ in range(2):
        await writer.write(make_row(**more))
    assert await connection.fetchval(COUNT.format("selfheal.spending")) == 2
    assert await connection.fetchval(TRACES) == (traces and traces * 2)


async def test_what_was_spooled_lands_on_the_schema_before(
    database: Database, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    spool = Spool(tmp_path, max_bytes=1 << 20)
    lander = Lander(database, spool, lambda _: None)
    rows = [make_row(), make_row(**TRACED)]
    async with schema_before_7(connection):
        for row in rows:
            await spool.append(encode_row(row))
        await lander.land()
    assert await connection.fetchval(COUNT.format("execution_logs")) == 2
    # Its landing is noted there, too: it isn't charged later.
    await spool.append(encode_row(rows[0]))
    await lander.land()
    assert await connection.fetchval(COUNT.format("execution_logs")) == 2
    assert await connection.fetchval(COUNT.format("selfheal.spending")) == 0
