"""Behind PgBouncer in transaction mode: the next statement may go to another connection."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
from support.pooler import Pooler, pooling

from services.common.database import Database, Opener, ServerTraits, connect
from services.common.errors import DatabaseUnavailableError

DIRECT = ServerTraits(is_pooled=False, is_standby=False, is_read_only=False)
POOLED = ServerTraits(is_pooled=True, is_standby=False, is_read_only=False)
LEFT_BEHIND = """
    SELECT (SELECT count(*) FROM pg_prepared_statements),
           current_setting('application_name'), current_setting('jit')
"""
ADVISORY_LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


@pytest.fixture
def pooler(database_url: str) -> Iterator[Pooler]:
    """Two connections to the server, for however many clients."""
    with pooling(database_url) as pooler:
        yield pooler


@pytest.fixture
def pooled_url(pooler: Pooler, database_url: str) -> str:
    """Where the database is, through the pooler."""
    return pooler.through(database_url)


async def test_a_pooler_is_told_from_a_server(pooled_url: str, database_url: str) -> None:
    for url, traits in ((pooled_url, POOLED), (database_url, DIRECT)):
        opener = Opener(url, timeout_seconds=5)
        connection = await opener.open()
        await connection.close()
        assert opener.traits == traits


async def test_many_ask_many_things_at_once(pooled_url: str) -> None:
    database = Database(pooled_url, timeout_seconds=5)
    await database.open()

    async def ask(number: int) -> None:
        async with database.connection() as connection:
            for turn in range(10):
                value = {"number": number, "turn": turn}
                assert await connection.fetchval("SELECT $1::jsonb", value) == value
                assert await connection.fetchval("SELECT $1::int + $2", number, turn) == (
                    number + turn
                )
                async with connection.transaction():
                    [row] = await connection.fetch("SELECT $1::text[] AS texts", [str(number)])
                    assert row["texts"] == [str(number)]

    await asyncio.gather(*(ask(number) for number in range(20)))
    assert not await database.find_obstacle()
    assert database.traits == POOLED
    await database.close()


async def test_nothing_is_left_on_the_connections_that_others_get(pooled_url: str) -> None:
    database = Database(pooled_url, timeout_seconds=5)
    await database.open()
    async with database.connection() as connection:
        for _ in range(5):
            await connection.fetch("SELECT $1::jsonb, $2::regclass", {}, "prompts")
    async with connect(pooled_url, timeout_seconds=5) as other:
        [(statements, name, _)] = await other.fetch(LEFT_BEHIND)
    assert statements <= 1  # its own, which has no name
    assert name == "selfheal"
    await database.close()


async def test_it_is_back_when_the_pooler_is(pooler: Pooler, pooled_url: str) -> None:
    database = Database(pooled_url, timeout_seconds=5)
    await database.open()
    async with database.connection() as connection:
        await connection.fetchval("SELECT 1")
    pooler.restart()
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT 1") == 1
    await database.close()


async def test_options_that_a_pooler_refuses_are_told_with_what_to_do(pooled_url: str) -> None:
    url = f"{pooled_url}&options=-c%20work_mem%3D2MB"
    with pytest.raises(DatabaseUnavailableError, match="Take options= out of the URL"):
        async with connect(url, timeout_seconds=5):
            pass


async def test_a_statement_that_takes_too_long_is_ended_at_the_server(
    pooled_url: str, connection: asyncpg.Connection
) -> None:
    database = Database(pooled_url, timeout_seconds=0.5)
    await database.open()
    with pytest.raises(DatabaseUnavailableError):
        async with database.connection() as slow:
            await slow.execute("SELECT pg_sleep(60)")
    await database.close()
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND state = 'active'"  # noqa: E501
    assert await connection.fetchval(sleeping) == 0
