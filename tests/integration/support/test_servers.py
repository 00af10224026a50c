import asyncio
from pathlib import Path

import asyncpg
from support.pooler import pooling
from support.standby import standing_by

from benchmarks.temporary_postgres import temporary_postgres

SCHEMA = Path(__file__).parents[3] / "db" / "schema.sql"
COUNT_PROMPTS = "SELECT count(*) FROM prompts"
IS_STANDBY = "SELECT pg_is_in_recovery()"


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url, statement_cache_size=0)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def test_a_standby_has_what_its_server_has_and_takes_over_when_it_is_promoted() -> None:
    with temporary_postgres(SCHEMA) as primary, standing_by(primary) as standby:
        url = standby.server.database_url
        assert asyncio.run(ask(url, IS_STANDBY)) is True
        assert asyncio.run(ask(url, COUNT_PROMPTS)) == 1

        primary.stop()
        standby.promote()

        assert asyncio.run(ask(url, IS_STANDBY)) is False


def test_a_pooler_leads_to_its_server_and_comes_back_on_its_port(database_url: str) -> None:
    with pooling(database_url) as pooler:
        url = pooler.through(database_url)
        assert asyncio.run(ask(url, COUNT_PROMPTS)) == 1
        pooler.restart()
        assert asyncio.run(ask(url, COUNT_PROMPTS)) == 1
