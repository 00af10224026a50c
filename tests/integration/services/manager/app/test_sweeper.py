from collections.abc import MutableMapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

import asyncpg
from support.earlier_schema import schema_before_7

from services.common.database import Database
from services.manager.app.sweeper import Sweeper

INSERT_CALLS = """
    INSERT INTO selfheal.idempotent_calls
        (api_key, route, task_type, key_sha256, body_sha256, holder, held_until, created_at)
    SELECT '', '/', 't', int4send(n), '', $1, now(), now() - $3::text::interval
    FROM generate_series(1, $2) AS n
"""
COUNT = "SELECT count(*) FROM selfheal.idempotent_calls"


async def test_what_is_over_a_day_old_is_forgotten_however_much_it_is(
    database: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute(INSERT_CALLS, uuid4(), 1003, "24:00:01")
    await connection.execute(INSERT_CALLS.replace("'t'", "'young'"), uuid4(), 2, "23:59:00")
    await Sweeper(database).work_round()
    left = await connection.fetch("SELECT DISTINCT task_type FROM selfheal.idempotent_calls")
    assert [row["task_type"] for row in left] == ["young"]
    assert await connection.fetchval(COUNT) == 2


async def test_one_sweeps_at_a_time(database: Database, connection: asyncpg.Connection) -> None:
    first, second = Sweeper(database), Sweeper(database)
    await first.work_round()
    await connection.execute(INSERT_CALLS, uuid4(), 1, "25:00:00")
    await second.work_round()
    assert await connection.fetchval(COUNT) == 1
    await first.work_round()
    assert await connection.fetchval(COUNT) == 0


async def test_landings_are_kept_for_a_month(
    database: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        """INSERT INTO selfheal.landings (id, landed_at)
           VALUES ('00000000-0000-0000-0000-000000000001', now() - interval '32 days'),
                  ('00000000-0000-0000-0000-000000000002', now() - interval '30 days')"""
    )
    await Sweeper(database).work_round()
    assert await connection.fetchval("SELECT array_agg(id::text) FROM selfheal.landings") == [
        "00000000-0000-0000-0000-000000000002"
    ]


async def test_calls_are_added_up_by_the_hour(
    database: Database, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        """INSERT INTO selfheal.spending (at, task_type, purpose, model, calls, unpriced_calls,
               input_tokens, cached_tokens, output_tokens, cost_usd)
           SELECT '2026-11-01 00:59:50Z'::timestamptz + make_interval(secs => n), 't', 'serving',
                  'openai:m', 1, 0, 2, 1, 3, 0.000001
           FROM generate_series(1, 20) AS n"""
    )
    for _ in range(2):
        await Sweeper(database).work_round()
        rows = await connection.fetch(
            "SELECT is_hour, calls, input_tokens, cost_usd FROM selfheal.spending ORDER BY at"
        )
        await connection.execute("DELETE FROM selfheal.leases")
        assert [tuple(row) for row in rows] == [
            (True, 9, 18, Decimal("0.000009")),
            (True, 11, 22, Decimal("0.000011")),
        ]


async def test_on_the_schema_before_what_is_over_goes_and_costs_are_told_to_be_nowhere(
    database: Database,
    connection: asyncpg.Connection,
    log_entries: list[MutableMapping[str, Any]],
) -> None:
    await connection.execute(INSERT_CALLS, uuid4(), 1, "25:00:00")
    async with schema_before_7(connection):
        await Sweeper(database).work_round()
    assert await connection.fetchval(COUNT) == 0
    [told] = log_entries
    assert told["event"] == "spending_not_kept"
    assert "selfheal migrate" in told["message"]
