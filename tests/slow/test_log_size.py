"""The benchmark of the log's size on few rows: it fills, looks, and reads no more than it must."""

import asyncio
from datetime import datetime

import pytest

from benchmarks.log_filling import TASK_TYPES, fill
from benchmarks.log_size import Look, look
from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.database import connect
from services.optimizer.app.services.log.prompt_history import SELECT_HISTORY

ROWS = 12_000
SHAPE = """
    SELECT count(*), count(DISTINCT task_type), count(DISTINCT prompt_version),
           count(*) FILTER (WHERE evaluation_passed IS NULL) * 1.0 / count(*)
    FROM execution_logs
"""
BURST = """
    SELECT bool_or(evaluation_passed) FROM execution_logs
    WHERE task_type = $1 AND created_at > $2::timestamptz - interval '19 minutes'
"""


@pytest.fixture
def filled_until(postgres: EmbeddedPostgres) -> datetime:
    async def fill_it() -> datetime:
        async with connect(postgres.database_url, timeout_seconds=100) as connection:
            return await fill(connection, ROWS, progress=lambda _: None)

    return asyncio.run(fill_it())


async def test_a_filled_log_is_like_a_month_with_a_bad_end(
    filled_until: datetime, postgres: EmbeddedPostgres
) -> None:
    async with connect(postgres.database_url, timeout_seconds=100) as connection:
        [shape] = await connection.fetch(SHAPE)
        assert tuple(shape)[:3] == (ROWS, len(TASK_TYPES), 60)
        assert float(shape[3]) == pytest.approx(0.02, abs=0.005)
        assert await connection.fetchval(BURST, TASK_TYPES[0], filled_until) is False
        assert await connection.fetchval(BURST, TASK_TYPES[1], filled_until) is True


async def test_a_look_finds_the_bad_prompt_and_counts_in_an_index_alone(
    filled_until: datetime, postgres: EmbeddedPostgres
) -> None:
    async with connect(postgres.database_url, timeout_seconds=100) as connection:
        assert isinstance(await look(connection, 30), Look)
        # What a table of millions is read by, where few rows would be read as a whole.
        await connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        plan = await connection.fetch(
            f"EXPLAIN {SELECT_HISTORY}", TASK_TYPES[0], 0, False, 50, "", 200
        )
        assert any(
            "Index Only Scan" in row[0] and "execution_logs_scored" in row[0] for row in plan
        ), "\n".join(row[0] for row in plan)
