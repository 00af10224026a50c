"""A server of the operator's own, as they run it: behind a pooler, standing by, being migrated."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.pooler import Pooler, pooling
from support.standby import standing_by

from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime import diagnosis
from selfheal.runtime.errors import PostgresError
from selfheal.runtime.postgres.external import ExternalDatabase
from selfheal.runtime.postgres.server import EmbeddedPostgres
from selfheal.runtime.schema import exclusion
from services.common.config import Settings
from services.common.database import connect
from services.common.diagnosis.checks import CheckResult

ROOT = Path(__file__).parents[5]
SCHEMA = ROOT / "db" / "schema.sql"
FIRST_SCHEMA = ROOT / "tests" / "integration" / "db" / "schema_1.sql"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('selfheal:schema', 0))"
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


@pytest.fixture
def pooler(blank_database_url: str) -> Iterator[Pooler]:
    """A pooler before a server with an empty database."""
    with pooling(blank_database_url) as pooler:
        yield pooler


def ask(url: str, question: str) -> object:
    async def connect_and_ask() -> object:
        async with connect(url, timeout_seconds=5) as connection:
            if ";" in question:
                return await connection.execute(question)
            return await connection.fetchval(question)

    return asyncio.run(connect_and_ask())


def make_database(server: EmbeddedPostgres, name: str, schema: Path) -> None:
    ask(server.database_url, f"CREATE DATABASE {name} TEMPLATE template0")
    ask(server.address.url(name), schema.read_text(encoding="utf-8"))


def test_the_schema_is_made_through_a_pooler_and_no_lock_stays(
    pooler: Pooler, blank_database_url: str
) -> None:
    theirs = ExternalDatabase(pooler.through(blank_database_url), schema=SCHEMA)
    assert theirs.upgrade() == ["the database schema"]
    assert theirs.upgrade() == []
    assert theirs.start() is False
    assert ask(blank_database_url, LOCKS) == 0


def test_indexes_are_built_beside_traffic_through_a_pooler_too(
    database_server: EmbeddedPostgres,
) -> None:
    make_database(database_server, "pooled_migrations", FIRST_SCHEMA)
    url = database_server.address.url("pooled_migrations")
    with pooling(url) as pooler:
        theirs = ExternalDatabase(pooler.through(url), schema=SCHEMA)
        assert len(theirs.upgrade()) > 1
        assert theirs.start() is False
    assert ask(url, LOCKS) == 0


def test_migrations_take_the_direct_way_where_there_is_one(
    pooler: Pooler, blank_database_url: str
) -> None:
    pooled_url = pooler.through(blank_database_url)
    pooler.stop()
    theirs = ExternalDatabase(pooled_url, schema=SCHEMA, direct_url=blank_database_url)
    theirs.upgrade()
    with pytest.raises(PostgresError):
        theirs.start()


def test_who_waits_for_another_migration_is_told_for_whom(
    database_server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exclusion, "_RETRY_SECONDS", 0.01)
    held, told, said = threading.Event(), threading.Event(), list[str]()
    ask(database_server.database_url, "CREATE DATABASE waiting TEMPLATE template0")
    url = database_server.address.url("waiting")

    async def hold() -> None:
        async with (
            connect(f"{url}&application_name=other", timeout_seconds=30) as one,
            one.transaction(),
        ):
            await one.execute(LOCK)
            held.set()
            assert await asyncio.to_thread(told.wait, 20)

    def tell(message: str) -> None:
        said.append(message)
        told.set()

    holding = threading.Thread(target=lambda: asyncio.run(hold()))
    holding.start()
    assert held.wait(20)
    ExternalDatabase(url, schema=SCHEMA, progress=tell).upgrade()
    holding.join()
    [message] = said
    assert "agent (other, process" in message
    assert "since" in message


def test_who_waits_for_too_long_is_told_what_to_do(
    blank_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exclusion, "PATIENCE_SECONDS", 0)
    held, done = threading.Event(), threading.Event()

    async def hold() -> None:
        async with connect(blank_database_url, timeout_seconds=30) as one, one.transaction():
            await one.execute(LOCK)
            held.set()
            assert await asyncio.to_thread(done.wait, 20)

    holding = threading.Thread(target=lambda: asyncio.run(hold()))
    holding.start()
    assert held.wait(20)
    with pytest.raises(PostgresError, match="Another one updates") as failure:
        ExternalDatabase(blank_database_url, schema=SCHEMA).upgrade()
    done.set()
    holding.join()
    assert "pg_terminate_backend" in failure.value.remedy


def look(url: str, direct_url: str = "") -> dict[str, tuple[CheckResult, str]]:
    settings = Settings.model_validate(
        {"database_url": url, "database_direct_url": direct_url or None}
    )
    checks = diagnosis._check_database(settings)
    return {check.name: (check.result, check.found) for check in checks}


def test_the_doctor_tells_the_way_in(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFHEAL_ENV_FILE", "")
    with pooling(database_url) as pooler:
        pooled_url = pooler.through(database_url)
        direct, pooled = look(database_url), look(pooled_url)
        with_both = look(pooled_url, database_url)
        refused = look(f"{pooled_url}&options=-c%20work_mem%3D2MB")
    assert direct["database access"] == (CheckResult.OK, "straight to the server")
    assert pooled["database access"][0] is CheckResult.WARN
    assert with_both["database access"] == (CheckResult.OK, "through a pooler")
    assert "of 50 connections" in direct["connections"][1]
    assert refused["database"][0] is CheckResult.FAIL
    assert "unsupported startup parameter" in refused["database"][1]


def test_the_doctor_tells_a_standby(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFHEAL_ENV_FILE", "")
    with temporary_postgres(SCHEMA) as primary, standing_by(primary) as standby:
        result, found = look(standby.server.database_url)["database access"]
    assert result is CheckResult.FAIL
    assert "standby" in found
