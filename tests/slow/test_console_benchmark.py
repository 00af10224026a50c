"""The console's benchmark on few rows: its database is like a month's, and all of it is counted."""

import asyncpg
import pytest

from benchmarks.console.filling import CONVERSATION_EVERY, count_all, fill_around
from benchmarks.console.pages import PAGES, find_paths
from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.database import connect

ROWS = 12_000
SHAPE = """
    SELECT (SELECT count(*) FROM selfheal.conversations),
           (SELECT count(*) FROM selfheal.healing_runs WHERE decision = 'promoted'),
           (SELECT count(*) FROM optimization_reports),
           (SELECT count(*) FROM selfheal.watches WHERE ended_at IS NULL)
"""


async def count(connection: asyncpg.Connection, query: str) -> int:
    number: int = await connection.fetchval(query)
    return number


async def test_what_is_filled_is_whole_and_counted(postgres: EmbeddedPostgres) -> None:
    async with connect(postgres.database_url, timeout_seconds=100) as connection:
        await fill_around(connection, ROWS, progress=lambda _: None)
        ((conversations, heals, reports, watches),) = await connection.fetch(SHAPE)
        assert conversations == ROWS // CONVERSATION_EVERY
        assert heals == reports == 4 * 59
        assert watches == 4
        paths = await find_paths(connection)
        assert len(paths) == len(PAGES)
        assert not any("{" in path or "None" in path for path in paths)

        await count_all(postgres.service_urls["manager"], progress=lambda _: None)
        assert await count(connection, "SELECT sum(requests) FROM selfheal.traffic") == ROWS
        details = "SELECT count(DISTINCT detail -> 'verdict') FROM selfheal.healing_runs"
        assert await count(connection, details) == 1
        assert await count(connection, "SELECT count(*) FROM selfheal.fingerprints") == 4
        weighed = await connection.fetchval("SELECT sum(scored) FROM selfheal.traffic")
        expected = await connection.fetchval(
            "SELECT sum(coalesce(1 / inclusion_probability, 1)) FROM execution_logs "
            "LEFT JOIN selfheal.conversations ON execution_id = id "
            "WHERE evaluation_passed IS NOT NULL"
        )
        assert weighed == pytest.approx(expected)
