"""What the Manager's and the console's database users may do, asked of PostgreSQL itself."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.errors import PostgresError
from selfheal.runtime.postgres.external import ExternalDatabase
from selfheal.runtime.postgres.server import EmbeddedPostgres
from selfheal.runtime.schema.roles import CONSOLE_ROLE, MANAGER_ROLE, read_or_create_passfile
from services.common.database import connect

SCHEMA = Path(__file__).parents[5] / "db" / "schema.sql"
OF_THE_CONSOLE = """
    SELECT relname, attname
    FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace IN ('public'::regnamespace, 'selfheal'::regnamespace)
      AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
      AND NOT has_column_privilege($1, attrelid, attnum, 'SELECT')
"""
MAY_CHANGE = """
    SELECT relname || '.' || attname
    FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace IN ('public'::regnamespace, 'selfheal'::regnamespace)
      AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
      AND (has_column_privilege($1, attrelid, attnum, 'INSERT, UPDATE')
           OR has_table_privilege($1, attrelid, 'DELETE, TRUNCATE, TRIGGER, REFERENCES'))
"""


async def test_the_console_sees_all_but_secrets_sessions_and_sign_ins(
    connection: asyncpg.Connection,
) -> None:
    hidden = {tuple(row) for row in await connection.fetch(OF_THE_CONSOLE, CONSOLE_ROLE)}
    whole_tables = {"sessions", "oidc_sign_ins", "trusted_roles"}
    assert {column for column in hidden if column[0] not in whole_tables} == {
        ("api_keys", "secret_sha256"),
        ("users", "password_hash"),
    }
    assert {table for table, _ in hidden} == whole_tables | {"api_keys", "users"}


async def test_the_console_can_change_nothing(connection: asyncpg.Connection) -> None:
    assert await connection.fetch(MAY_CHANGE, CONSOLE_ROLE) == []


async def test_the_consoles_queries_end_in_time(database_server: EmbeddedPostgres) -> None:
    async with connect(database_server.console_url, timeout_seconds=20) as console:
        assert await console.fetchval("SHOW statement_timeout") == "5s"
        await console.execute("SET statement_timeout = '10ms'")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await console.execute("SELECT lo_create(0)")


async def test_what_the_manager_is_refused(database_server: EmbeddedPostgres) -> None:
    refused = {
        "who is believed": "INSERT INTO selfheal.trusted_roles VALUES ('agent')",
        "removes of the audit": "DELETE FROM selfheal.audit",
        "empties the audit": "TRUNCATE selfheal.audit",
        "who did it": "INSERT INTO selfheal.audit (action, object, database_user) "
        "VALUES ('a', 'o', 'agent')",
        "when": "INSERT INTO selfheal.audit (action, object, at) VALUES ('a', 'o', now())",
        "its migrations": "INSERT INTO selfheal.migrations VALUES (99)",
        "the log": "DELETE FROM execution_logs",
        "makes tables": "CREATE TABLE selfheal.mine ()",
        "makes users": "CREATE ROLE mine",
    }
    async with connect(database_server.manager_url, timeout_seconds=5) as manager:
        for what, statement in refused.items():
            try:
                await _undone(manager, statement)
            except asyncpg.InsufficientPrivilegeError:
                continue
            pytest.fail(f"the Manager may change {what}")


async def test_what_the_manager_does(database_server: EmbeddedPostgres) -> None:
    failed = "INSERT INTO execution_logs (request_id, task_type, user_input, evaluation_passed)"
    statements = [
        "INSERT INTO prompts (task_type, content) VALUES ('t', 'c')",
        "UPDATE prompts SET is_active = FALSE",
        f"{failed} VALUES (gen_random_uuid(), 't', 'u', FALSE)",
        "INSERT INTO selfheal.audit (person, action, object) VALUES ('p', 'sign_in_failed', 'o')",
        "INSERT INTO selfheal.users (name, role) VALUES ('alice', 'viewer')",
        "INSERT INTO selfheal.leases VALUES ('l', 'h', now())",
        "DELETE FROM selfheal.traffic",
    ]
    async with connect(database_server.manager_url, timeout_seconds=5) as manager:
        for statement in statements:
            await _undone(manager, statement)


async def _undone(connection: asyncpg.Connection, statement: str) -> None:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(statement)
    finally:
        await transaction.rollback()


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server of the operator's own, so to speak."""
    with temporary_postgres(SCHEMA) as postgres:
        yield postgres


def run(server: EmbeddedPostgres, sql: str, database: str = "postgres") -> Any:
    async def fetch() -> Any:
        connection = await server.address.connect(database)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(fetch())


def make_database(server: EmbeddedPostgres, name: str, owner: str = "agent") -> str:
    run(server, f"CREATE DATABASE {name} OWNER {owner}")
    return server.address.url(name)


def trusted(server: EmbeddedPostgres, database: str) -> list[str]:
    found: list[str] = run(
        server, "SELECT array_agg(role ORDER BY role) FROM selfheal.trusted_roles", database
    )
    return found


def test_databases_that_start_side_by_side_share_the_users(server: EmbeddedPostgres) -> None:
    urls = [make_database(server, f"side_{number}") for number in range(4)]
    passwords = {MANAGER_ROLE: "one", CONSOLE_ROLE: "two"}

    def upgrade(url: str) -> None:
        ExternalDatabase(url, schema=SCHEMA).upgrade(passwords)

    for _ in range(3):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(upgrade, urls))
    assert trusted(server, "side_3") == [MANAGER_ROLE]
    server.start()  # gives the users the passwords that this server's own system keeps for them


async def _greet(url: str) -> str:
    async with connect(url, timeout_seconds=5) as connection:
        user: str = await connection.fetchval("SELECT session_user::text")
        return user


def test_who_migrates_is_believed_until_the_manager_has_a_user_of_its_own(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    url = make_database(server, "own")
    database = ExternalDatabase(url, schema=SCHEMA)
    database.upgrade()
    assert trusted(server, "own") == ["agent"]
    file = tmp_path / "passfile"
    database.upgrade({CONSOLE_ROLE: read_or_create_passfile(file, CONSOLE_ROLE)})
    assert trusted(server, "own") == ["agent", MANAGER_ROLE]
    place = url.rpartition("@")[2].partition("?")[0]
    named = f"postgresql://{CONSOLE_ROLE}@{place}?passfile={file}"
    assert asyncio.run(_greet(named)) == CONSOLE_ROLE
    database.upgrade({MANAGER_ROLE: "one"})
    assert trusted(server, "own") == [MANAGER_ROLE]
    server.start()


def test_a_table_of_a_later_migration_is_covered_at_the_next_start(
    server: EmbeddedPostgres,
) -> None:
    url = make_database(server, "later")
    database = ExternalDatabase(url, schema=SCHEMA)
    database.upgrade({CONSOLE_ROLE: "two"})
    run(server, "CREATE TABLE selfheal.later ()", "later")
    may = f"SELECT has_table_privilege('{MANAGER_ROLE}', 'selfheal.later', 'INSERT')"
    assert run(server, may, "later") is False
    database.upgrade()
    assert run(server, may, "later") is True
    server.start()


def test_without_the_right_to_make_users_it_says_what_to_do(server: EmbeddedPostgres) -> None:
    run(server, "CREATE ROLE plain LOGIN PASSWORD 'plain'")
    make_database(server, "plain", owner="plain")
    url = f"postgresql://plain:plain@{server.address.host}:{server.port}/plain"
    database = ExternalDatabase(url, schema=SCHEMA)
    database.upgrade()
    assert trusted(server, "plain") == ["plain"]
    with pytest.raises(PostgresError, match="can't be made") as raised:
        database.upgrade({MANAGER_ROLE: "one"})
    assert "db/roles.sql" in raised.value.remedy
