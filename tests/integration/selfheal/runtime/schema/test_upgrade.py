"""What `selfheal migrate` does, on a real PostgreSQL that counts as the operator's own."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import asyncpg
import pytest

from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.errors import PostgresError
from selfheal.runtime.postgres.external import ExternalDatabase

ROOT = Path(__file__).parents[5]
SCHEMA = ROOT / "db" / "schema.sql"
FIRST_SCHEMA = ROOT / "tests" / "integration" / "db" / "schema_1.sql"


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with temporary_postgres(SCHEMA) as postgres:
        yield postgres.database_url


@pytest.fixture
def empty(server_url: str, request: pytest.FixtureRequest) -> str:
    """The URL of a database with nothing in it."""
    name = f"d{abs(hash(request.node.name))}"
    ask(server_url, f"CREATE DATABASE {name}")
    return server_url.rpartition("/")[0] + f"/{name}"


def ask(url: str, sql: str) -> list[tuple[Any, ...]]:
    async def fetch() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url)
        try:
            if sql.count(";") > 1:
                await connection.execute(sql)
                return []
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def test_an_empty_database_gets_the_schema_once(empty: str) -> None:
    assert ExternalDatabase(empty, schema=SCHEMA).upgrade() == ["the database schema"]
    assert ExternalDatabase(empty, schema=SCHEMA).upgrade() == []
    assert ask(empty, "SELECT version, is_active FROM prompts") == [(1, True)]
    assert ExternalDatabase(empty, schema=SCHEMA).start() is False


def test_an_older_database_gets_its_migrations_and_keeps_its_rows(empty: str) -> None:
    ask(empty, FIRST_SCHEMA.read_text(encoding="utf-8"))
    ask(empty, "INSERT INTO prompts (task_type, content, version) VALUES ('mine', 'text', 7)")
    assert ExternalDatabase(empty, schema=SCHEMA).upgrade() == [
        "migration 2",
        "migration 3",
        "migration 4",
        "migration 5",
        "migration 6",
        "migration 7",
    ]
    assert ask(empty, "SELECT content, version FROM prompts WHERE task_type = 'mine'") == [
        ("text", 7)
    ]
    assert ExternalDatabase(empty, schema=SCHEMA).start() is False


def test_a_farewell_that_fails_doesn_t_make_an_upgrade_a_failed_one(empty: str) -> None:
    ask(empty, FIRST_SCHEMA.read_text(encoding="utf-8"))

    async def close(connection: asyncpg.Connection, **_: Any) -> None:
        connection.terminate()
        raise asyncpg.ConnectionDoesNotExistError("connection was closed")

    with patch.object(asyncpg.Connection, "close", close):
        applied = ExternalDatabase(empty, schema=SCHEMA).upgrade()
    assert applied[-1] == "migration 7"


def test_several_at_once_apply_everything_once(empty: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(ExternalDatabase(empty, schema=SCHEMA).upgrade) for _ in range(4)]
    assert sorted(run.result() for run in runs) == [[], [], [], ["the database schema"]]


def test_tables_of_somebody_else_are_left_alone(empty: str) -> None:
    ask(empty, "CREATE TABLE prompts (theirs TEXT)")
    with pytest.raises(PostgresError, match="not of this system"):
        ExternalDatabase(empty, schema=SCHEMA).upgrade()
    assert ask(empty, "SELECT * FROM prompts") == []


def test_a_wrong_password_is_told_without_it(empty: str) -> None:
    scheme, _, rest = empty.partition("://")
    wrong = f"{scheme}://agent:notthis@{rest.rpartition('@')[2]}"
    with pytest.raises(PostgresError, match="password authentication failed") as raised:
        ExternalDatabase(wrong, schema=SCHEMA).upgrade()
    assert "notthis" not in raised.value.message + raised.value.remedy


def test_a_schema_that_does_not_apply_leaves_nothing(empty: str, tmp_path: Path) -> None:
    broken = tmp_path / "schema.sql"
    broken.write_text("CREATE TABLE prompts (id INT); CREATE TABLE broken (id NONSENSE);")
    with pytest.raises(PostgresError, match="nonsense"):
        ExternalDatabase(empty, schema=broken).upgrade()
    assert ask(empty, "SELECT to_regclass('prompts')") == [(None,)]
