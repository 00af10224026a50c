"""A hundred thousand rows go in many small transactions, and the benchmark of it runs."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from benchmarks.retention import measure
from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.database import Database
from services.manager.app.retention import retention
from services.manager.app.retention.removal import ROWS_AT_ONCE
from services.manager.app.retention.retention import Retention
from services.manager.app.retention.rules import Rule

ROWS = 100_000
# By plain SQL, as the guide's users write it: NULLs, and times in the past.
INSERT = """
    INSERT INTO execution_logs (request_id, task_type, user_input, created_at)
    SELECT gen_random_uuid(), 'code_generation', 'u',
           now() - interval '40 days' - n / 200 * interval '1 second'
    FROM generate_series(1, $1::int) AS n
"""
COUNT = "SELECT count(*) FROM execution_logs"
SIZES = """
    SELECT max(times) FROM (
        SELECT count(*) AS times FROM removed GROUP BY transaction
    ) AS transactions
"""
RECORD = """
    CREATE TABLE removed (transaction xid8);
    CREATE FUNCTION record_removed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN INSERT INTO public.removed SELECT pg_current_xact_id() FROM old_rows; RETURN NULL; END $$;
    CREATE TRIGGER removed AFTER DELETE ON execution_logs REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION record_removed();
"""


@pytest.fixture
async def connection(postgres: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    connection = await postgres.address.connect()
    await connection.execute("TRUNCATE execution_logs, selfheal.leases, selfheal.traffic")
    yield connection
    await connection.execute("DROP TABLE IF EXISTS removed")
    await connection.execute("DROP FUNCTION IF EXISTS record_removed() CASCADE")
    await connection.execute("TRUNCATE execution_logs")
    await connection.close()


async def test_a_hundred_thousand_rows_go_in_many_small_transactions_and_stay_counted(
    postgres: EmbeddedPostgres, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "REST", 0)
    await connection.execute(INSERT, ROWS, timeout=600)
    await connection.execute(
        "INSERT INTO execution_logs (request_id, task_type, user_input) "
        "VALUES (gen_random_uuid(), 'code_generation', 'young')"
    )
    await connection.execute(RECORD)
    database = Database(postgres.service_urls["manager"], timeout_seconds=60)
    await database.open()
    rules = [Rule("rows", 30, is_default=True), Rule("texts", 7, is_default=True)]
    one = Retention(database, rules, lookback_minutes=30, registry=CollectorRegistry())
    await one.work_round()
    await one.close()
    await database.close()
    assert await connection.fetchval(COUNT) == 1
    assert await connection.fetchval("SELECT count(*) FROM removed") == ROWS
    assert await connection.fetchval(SIZES) <= ROWS_AT_ONCE
    assert await connection.fetchval("SELECT sum(requests) FROM selfheal.traffic") == ROWS


def test_the_benchmark_measures_both_and_removes_what_is_due(tmp_path: Path) -> None:
    directory = tmp_path / "kept"
    tmp_path.chmod(0o711)
    report = measure(20_000, directory, windows=2, seconds=4)
    assert report.without_ms[99] > 0
    assert report.with_ms[99] > 0
    assert report.rows_a_second > 0
    assert report.texts_a_second > 0
    assert (directory / "filled-with-20000").exists()
