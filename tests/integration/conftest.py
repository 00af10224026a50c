"""A real PostgreSQL for the session, put back to its first state for each test that asks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import AsyncExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import asyncpg
import httpx
import pytest
import structlog
from argon2 import PasswordHasher
from fastapi import FastAPI

from benchmarks.temporary_postgres import EMPTY_TABLES, temporary_postgres
from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.access import passwords
from services.common.config import Settings
from services.common.database import Database, configure_connection

SCHEMA = Path(__file__).parents[2] / "db" / "schema.sql"
SPEED = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

Serve = Callable[[FastAPI], Awaitable[httpx.AsyncClient]]
MakeSettings = Callable[..., Settings]

KEEP_SEED = """
    CREATE SCHEMA test_seed;
    CREATE TABLE test_seed.prompts AS
        SELECT task_type, content, version, is_active, change_reason, created_by FROM prompts;
"""
BACK_TO_SEED = f"""
    {EMPTY_TABLES};
    INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by)
        SELECT * FROM test_seed.prompts
"""

CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    OSError,
)

_numbers = count(1)


@pytest.fixture(scope="module", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords by argon2id at its least cost; unit tests try it at what it costs in use."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with patch.object(passwords, "_HASHER", quick):
        yield


@pytest.fixture(scope="session")
def database_server() -> Iterator[EmbeddedPostgres]:
    """The session's server."""
    with temporary_postgres(SCHEMA, settings=SPEED) as postgres:
        asyncio.run(_execute(postgres, KEEP_SEED))
        yield postgres


async def _execute(server: EmbeddedPostgres, statements: str) -> None:
    connection = await server.address.connect()
    await connection.execute(statements)
    await connection.close()


class Seeder:
    """Puts the database back over one connection: a new one would plan every statement anew."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        # Beside the tests' own loops, of which each ends with its test.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    def put_back(self) -> None:
        """Leave the database as `db/schema.sql` does; not while a loop runs."""
        self._runner.run(self._put_back())

    async def _put_back(self) -> None:
        if self._connection is not None:
            # Some tests end everybody's connections.
            with suppress(*CONNECTION_LOST):
                await self._connection.execute(BACK_TO_SEED)
                return
        self._connection = await self._server.address.connect()
        await self._connection.execute(BACK_TO_SEED)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
        self._runner.close()


@pytest.fixture(scope="session")
def seeder(database_server: EmbeddedPostgres) -> Iterator[Seeder]:
    seeder = Seeder(database_server)
    yield seeder
    seeder.close()


@pytest.fixture
def seeded_server(database_server: EmbeddedPostgres, seeder: Seeder) -> EmbeddedPostgres:
    """The session's server, without the rows of earlier tests."""
    seeder.put_back()
    return database_server


@pytest.fixture
async def connection(
    seeded_server: EmbeddedPostgres,
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection of the test's own, beside those of the service under test.

    The database is as `db/schema.sql` leaves it: every row of earlier tests is gone.
    """
    connection = await seeded_server.address.connect()
    await configure_connection(connection)
    yield connection
    await connection.close()


@pytest.fixture
def database_url(
    database_server: EmbeddedPostgres, connection: "asyncpg.Connection[asyncpg.Record]"
) -> str:
    """Where the database of `connection` is."""
    return database_server.database_url


@pytest.fixture(scope="module")
def blank_database_url(database_server: EmbeddedPostgres) -> str:
    """A database without a single table, for the tests of one module."""
    name = f"blank_{next(_numbers)}"
    asyncio.run(_execute(database_server, f"CREATE DATABASE {name} TEMPLATE template0"))
    return database_server.address.url(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The pool that the services use."""
    database = Database(database_url, timeout_seconds=5)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def make_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str
) -> MakeSettings:
    """Builds settings that owe nothing to the environment that the tests run in."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)

    def make(**overrides: Any) -> Settings:
        return Settings(**{"database_url": database_url, **overrides})

    return make


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts an application in this process and gives a client of it."""
    async with AsyncExitStack() as stack:

        async def start(app: FastAPI) -> httpx.AsyncClient:
            await stack.enter_async_context(app.router.lifespan_context(app))
            return await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(app), base_url="http://service.test"
                )
            )

        yield start


@pytest.fixture
def log_entries() -> Iterator[list[MutableMapping[str, Any]]]:
    """What the test made the code log."""
    with structlog.testing.capture_logs() as entries:
        yield entries
