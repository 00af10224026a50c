"""A real PostgreSQL for the session, and a database of its own for each test that asks."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from selfheal.runtime.postgres import EmbeddedPostgres
from selfheal.runtime.postgres_database import DATABASE
from selfheal.runtime.temporary import temporary_postgres
from services.common.config import Settings
from services.common.database import Database, configure_connection

SCHEMA = Path(__file__).parents[2] / "db" / "schema.sql"
SPEED = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
MAINTENANCE_DATABASE = "postgres"

Serve = Callable[[FastAPI], Awaitable[httpx.AsyncClient]]
MakeSettings = Callable[..., Settings]

_numbers = count(1)


@pytest.fixture(scope="session")
def database_server() -> Iterator[EmbeddedPostgres]:
    """The session's server. Its own database is the template: no test connects to that one."""
    with temporary_postgres(SCHEMA, settings=SPEED) as postgres:
        yield postgres


@asynccontextmanager
async def _created_from(server: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    name = f"test_{next(_numbers)}"
    administration = await server.address.connect(MAINTENANCE_DATABASE)
    try:
        await administration.execute(
            f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"
        )
        yield server.address.url(name)
        await administration.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await administration.close()


@pytest.fixture
async def database_url(database_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database as `db/schema.sql` leaves it, for one test."""
    async with _created_from(database_server, DATABASE) as url:
        yield url


@pytest.fixture
async def blank_database_url(database_server: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database without a single table, for one test."""
    async with _created_from(database_server, "template0") as url:
        yield url


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection of the test's own, beside those of the service under test."""
    connection = await asyncpg.connect(database_url)
    await configure_connection(connection)
    yield connection
    await connection.close()


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
