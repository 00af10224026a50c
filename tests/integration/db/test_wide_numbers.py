"""The log beyond the numbers that an INTEGER has."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.database import Database, configure_connection
from services.common.schemas import EvaluationResponse
from services.console.app.queries.request_filters import Filters
from services.console.app.queries.request_search import read_rows, search
from services.manager.app.log.rows import Execution, Row
from services.manager.app.log.writer import RowWriter
from services.manager.app.retention.retention import Retention
from services.manager.app.retention.rules import Rule
from services.manager.app.rollups.counting import count_buckets
from services.manager.app.scoring.claims import PendingScores
from services.manager.app.scoring.sampling import Mark
from services.optimizer.app.services.log.answers import SELECT_BLANKED

SQL = Path(__file__).parents[3] / "db"
LAST = 2**31 - 1
ROLLOUT = str(UUID(int=5))
IN_A_ROLLOUT = {"rollout": ROLLOUT, "arm": "candidate", "unit": "u", "fallback": "openai:small"}
NARROW = """
    SELECT attrelid::regclass::text FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE attname = 'execution_id' AND atttypid = 'integer'::regtype AND relkind = 'r'
"""
EVALUATION = EvaluationResponse(request_id=uuid4(), score=0.9, passed=True, detail={})
_numbers = count(1)


@pytest.fixture
async def own_url(database_server: EmbeddedPostgres) -> str:
    """A database of the test's own, as `db/schema.sql` leaves it, whose last number is given."""
    name = f"wide_{next(_numbers)}"
    url: str = database_server.address.url(name)
    server = await database_server.address.connect()
    await server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    await server.close()
    connection = await asyncpg.connect(url)
    await connection.execute((SQL / "schema.sql").read_text(encoding="utf-8"))
    await connection.execute("SELECT setval('execution_logs_id_seq', $1)", LAST)
    await connection.close()
    return url


@pytest.fixture
async def database(own_url: str) -> AsyncIterator[Database]:
    database = Database(own_url, timeout_seconds=5)
    await database.open()
    yield database
    await database.close()


def make_row(detail: dict[str, Any] | None = None) -> Row:
    execution = Execution(uuid4(), "support", "hello", "hello", 1, "hi", evaluation_detail=detail)
    conversation = {
        "messages": [{"role": "user", "content": "hello"}],
        "choices": [{"message": {"role": "assistant", "content": "hi"}}],
        "parameters": {},
        "variables": {},
    }
    return Row(execution, conversation, Mark(True, 1, 1))


async def test_when_the_numbers_are_used_up_no_row_is_written(database: Database) -> None:
    with pytest.raises(asyncpg.SequenceGeneratorLimitExceededError):
        await RowWriter(database, None).write(make_row())


async def test_with_wide_numbers_rows_are_written_scored_counted_and_found(
    own_url: str, database: Database
) -> None:
    connection = await asyncpg.connect(own_url)
    await configure_connection(connection)
    widen = (SQL / "wide_numbers.sql").read_text(encoding="utf-8")
    for _ in range(2):  # it may be run again
        await connection.execute(widen)
    assert await connection.fetch(NARROW) == []

    writer, pending = RowWriter(database, None), PendingScores(database, lease_seconds=60)
    await writer.write(make_row())
    await writer.write(make_row({"worker": IN_A_ROLLOUT}))
    for _ in range(2):
        claim = await pending.claim()
        assert claim is not None
        assert claim.execution_id > LAST
        await pending.keep_score(claim, EVALUATION, 1.0)
    for kept in ("rollout_answers", "fallback_answers", "conversations"):
        assert await connection.fetchval(f"SELECT max(execution_id) FROM selfheal.{kept}") > LAST
    now = datetime.now(UTC)
    bucket = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0)
    await count_buckets(connection, bucket - timedelta(minutes=5), bucket + timedelta(minutes=5))
    assert await connection.fetchval("SELECT sum(scored) FROM selfheal.traffic") == 2
    found = await search(connection, Filters(), None)
    assert [row["id"] for row in await read_rows(connection, found)] == [LAST + 2, LAST + 1]
    await connection.execute("UPDATE execution_logs SET created_at = now() - interval '9 days'")
    for rule in (Rule("texts", 7, is_default=True), Rule("rows", 7, is_default=True)):
        kept = Retention(database, [rule], lookback_minutes=30, registry=CollectorRegistry())
        await kept.work_round()
        await kept.close()
        left = await connection.fetchval(SELECT_BLANKED, [LAST + 1, LAST + 2])
        assert left is (rule.kind == "texts")
        texts = "SELECT count(*) FROM execution_logs WHERE user_input <> ''"
        assert await connection.fetchval(texts) == 0
    assert await connection.fetchval("SELECT count(*) FROM execution_logs") == 0
    await connection.close()
