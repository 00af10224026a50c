"""What the services' database users may do, asked of PostgreSQL itself."""

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
from selfheal.runtime.schema.roles import SERVICES, name_role
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
    hidden = {
        tuple(row)
        for row in await connection.fetch(OF_THE_CONSOLE, name_role("agent_system", "console"))
    }
    whole_tables = {"sessions", "oidc_sign_ins", "trusted_roles", "landings", "idempotent_calls"}
    assert {column for column in hidden if column[0] not in whole_tables} == {
        ("api_keys", "secret_sha256"),
        ("users", "password_hash"),
    }
    assert {table for table, _ in hidden} == whole_tables | {"api_keys", "users"}


async def test_the_console_can_change_nothing(connection: asyncpg.Connection) -> None:
    assert await connection.fetch(MAY_CHANGE, name_role("agent_system", "console")) == []


async def test_the_consoles_queries_end_in_time(database_server: EmbeddedPostgres) -> None:
    async with connect(database_server.service_urls["console"], timeout_seconds=20) as console:
        assert await console.fetchval("SHOW statement_timeout") == "5s"
        await console.execute("SET statement_timeout = '10ms'")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await console.execute("SELECT lo_create(0)")


INSERT_LOG = "INSERT INTO execution_logs (request_id, task_type, user_input, evaluation_passed)"
INSERT_AUDIT = "INSERT INTO selfheal.audit (action, object, {}) VALUES ('a', 'o', {})"
LAND = "INSERT INTO selfheal.landings (id) VALUES (gen_random_uuid())"
NOTICE = "INSERT INTO selfheal.notices (topic, digest) VALUES ('t', 'd')"
BY_FALLBACK = """
    INSERT INTO execution_logs (request_id, task_type, user_input, evaluation_detail)
    VALUES (gen_random_uuid(), 't', 'u', '{"worker": {"fallback": "openai:other"}}')
"""
IN_CANARY = """
    INSERT INTO execution_logs (request_id, task_type, user_input, evaluation_detail)
    VALUES (gen_random_uuid(), 't', 'u', jsonb_build_object('worker', jsonb_build_object(
        'rollout', gen_random_uuid(), 'arm', 'candidate', 'unit', 'u'
    )))
"""
WAGER = """
    INSERT INTO selfheal.wagers
        (task_type, incident, incumbent_digest, candidate_digest, number, alpha)
    VALUES ('t', 1, 'i', 'c', 1, 0.04)
"""
ROLLOUT = """
    INSERT INTO selfheal.rollouts
        (task_type, incumbent_prompt_id, incumbent_digest, candidate_id, content,
         reserved_version, steps, share, run_id)
    VALUES ('t', 1, 'i', gen_random_uuid(), 'c', 2, '{0.1,1}', 0.1, gen_random_uuid())
"""
SPEND = """
    INSERT INTO selfheal.spending
        (task_type, purpose, model, calls, unpriced_calls, input_tokens, cached_tokens,
         output_tokens, cost_usd)
    VALUES ('t', 'healing', 'openai:m', 1, 1, 0, 0, 0, 0)
"""
# Which services may do it: Manager, Worker, Optimizer, console.
STATEMENTS = {
    "SELECT FROM prompts": "MWOC",
    "SELECT FROM selfheal.candidates": "MWOC",
    "SELECT FROM execution_logs": "MOC",
    "SELECT FROM optimization_reports": "MOC",
    "SELECT FROM selfheal.conversations": "MOC",
    "SELECT FROM selfheal.activations": "MOC",
    "SELECT FROM selfheal.pending_scores": "MOC",
    "SELECT FROM selfheal.fallback_answers": "MOC",
    "INSERT INTO selfheal.fallback_answers VALUES (1, 't', now())": "",
    "SELECT FROM selfheal.rollouts": "MWOC",
    "SELECT FROM selfheal.rollout_answers": "MOC",
    "DELETE FROM selfheal.rollout_answers": "M",
    "UPDATE selfheal.rollout_answers SET arm = 'candidate'": "",
    "DELETE FROM selfheal.fallback_answers": "M",
    "DELETE FROM selfheal.conversations": "M",
    IN_CANARY: "M",
    ROLLOUT: "O",
    "UPDATE selfheal.rollouts SET share = 0": "MO",
    "SELECT FROM selfheal.wagers": "OC",
    "SELECT FROM selfheal.wager_inputs": "OC",
    WAGER: "O",
    "DELETE FROM selfheal.wagers": "",
    "SELECT FROM selfheal.audit": "MC",
    "SELECT id, name FROM selfheal.api_keys": "MC",
    "SELECT secret_sha256 FROM selfheal.api_keys": "M",
    "SELECT password_hash FROM selfheal.users": "M",
    "SELECT FROM selfheal.sessions": "M",
    "SELECT FROM selfheal.oidc_sign_ins": "M",
    "SELECT FROM selfheal.trusted_roles": "M",
    "SELECT content FROM selfheal.idempotent_calls": "M",
    "SELECT FROM selfheal.evaluator_records": "MC",
    "INSERT INTO prompts (task_type, content) VALUES ('t', 'c')": "MO",
    "UPDATE prompts SET is_active = NOT is_active": "MO",
    "LOCK TABLE prompts IN SHARE ROW EXCLUSIVE MODE": "MO",
    "DELETE FROM prompts": "",
    f"{INSERT_LOG} VALUES (gen_random_uuid(), 't', 'u', FALSE)": "M",
    BY_FALLBACK: "M",
    "UPDATE execution_logs SET evaluation_score = 1": "M",
    "UPDATE execution_logs SET user_input = '', refined_input = NULL, worker_output = NULL": "M",
    "UPDATE execution_logs SET created_at = now()": "",
    "UPDATE execution_logs SET prompt_version = 1": "",
    "DELETE FROM execution_logs": "M",
    "TRUNCATE execution_logs": "",
    LAND: "M",
    "DELETE FROM selfheal.landings": "M",
    NOTICE: "O",
    f"{NOTICE} ON CONFLICT (topic) DO UPDATE SET told_at = now()": "O",
    "INSERT INTO selfheal.leases VALUES ('l', 'h', now())": "MO",
    "DELETE FROM selfheal.traffic": "M",
    "SELECT FROM selfheal.spending": "MC",
    SPEND: "MO",
    "UPDATE selfheal.spending SET cost_usd = 0": "M",
    "DELETE FROM selfheal.spending": "M",
    "DELETE FROM selfheal.idempotent_calls": "M",
    "INSERT INTO selfheal.users (name, role) VALUES ('alice', 'viewer')": "M",
    "INSERT INTO selfheal.audit (person, action, object) VALUES ('p', 'a', 'o')": "M",
    INSERT_AUDIT.format("database_user", "'agent'"): "",
    INSERT_AUDIT.format("at", "now()"): "",
    "DELETE FROM selfheal.audit": "",
    "TRUNCATE selfheal.audit": "",
    "INSERT INTO selfheal.trusted_roles VALUES ('agent')": "",
    "SELECT FROM selfheal.migrations": "MWOC",
    "INSERT INTO selfheal.migrations VALUES (99)": "",
    "CREATE TABLE selfheal.mine ()": "",
    "CREATE TABLE public.mine ()": "",
    "CREATE ROLE mine": "",
    "CREATE TEMP TABLE mine (); CREATE TRIGGER mine AFTER INSERT ON mine "
    "FOR EACH ROW EXECUTE FUNCTION selfheal.record_change('key')": "",
}


async def test_what_each_services_user_may_do(database_server: EmbeddedPostgres) -> None:
    wrong = []
    for service in SERVICES:
        async with connect(database_server.service_urls[service], timeout_seconds=5) as one:
            # The console writes nothing by default; here it is its rights that are asked.
            await one.execute("SET default_transaction_read_only = off")
            for statement, services in STATEMENTS.items():
                if await _is_allowed(one, statement) != (service[0].upper() in services):
                    wrong.append((service, statement))
    assert wrong == []


async def _is_allowed(connection: asyncpg.Connection, statement: str) -> bool:
    try:
        await _undone(connection, statement)
    except asyncpg.InsufficientPrivilegeError:
        return False
    return True


@pytest.mark.parametrize("service", SERVICES)
async def test_none_is_a_superuser_or_can_become_another(
    connection: asyncpg.Connection, service: str
) -> None:
    role = await connection.fetchrow(
        "SELECT * FROM pg_roles WHERE rolname = $1", name_role("agent_system", service)
    )
    rights = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")
    assert role is not None
    assert not any(role[right] for right in rights)
    assert not await connection.fetchval(
        "SELECT count(*) FROM pg_auth_members WHERE member = $1::regrole", role["rolname"]
    )


async def test_what_follows_from_a_statement_needs_no_right(
    database_server: EmbeddedPostgres, connection: asyncpg.Connection
) -> None:
    async with connect(database_server.service_urls["optimizer"], timeout_seconds=5) as one:
        await one.execute("INSERT INTO prompts (task_type, content) VALUES ('t', 'c')")
    assert await connection.fetchval(
        "SELECT count(*) FROM selfheal.activations WHERE task_type = 't'"
    )
    assert await connection.fetchval(
        "SELECT database_user FROM selfheal.audit WHERE task_type = 't'"
    ) == name_role("agent_system", "optimizer")


async def test_functions_of_triggers_run_as_the_owner_by_a_fixed_path(
    connection: asyncpg.Connection,
) -> None:
    functions = await connection.fetch(
        "SELECT proname, prosecdef, proconfig, has_function_privilege('public', oid, 'EXECUTE') "
        "FROM pg_proc "
        "WHERE pronamespace = 'selfheal'::regnamespace AND prorettype = 'trigger'::regtype"
    )
    assert functions
    for name, is_definers, settings, is_anybodys in functions:
        assert not is_anybodys, name
        assert is_definers, name
        assert settings == ["search_path=pg_catalog"], name


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


def upgrade(url: str, directory: Path, *services: str, **urls: str) -> ExternalDatabase:
    """Migrate, with a password file for each of the services named."""
    database = ExternalDatabase(url, schema=SCHEMA, service_urls=urls)
    database.upgrade({service: directory / service for service in services})
    return database


def connection_url(url: str, role: str, file: Path) -> str:
    place = url.rpartition("@")[2].partition("?")[0]
    return f"postgresql://{role}@{place}?passfile={file}"


def may(server: EmbeddedPostgres, database: str, role: str, table: str, right: str) -> bool:
    asked = f"SELECT has_table_privilege('{role}', '{table}', '{right}')"
    return bool(run(server, asked, database))


def test_two_databases_of_a_server_share_no_user(server: EmbeddedPostgres, tmp_path: Path) -> None:
    names = [f"side_{number}" for number in range(4)]
    urls = {name: make_database(server, name) for name in names}
    for name in names:
        (tmp_path / name).mkdir()
    for _ in range(2):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: upgrade(urls[name], tmp_path / name, *SERVICES), names))
    assert trusted(server, "side_3") == ["side_3_manager"]
    for service in SERVICES:
        role, file = f"side_1_{service}", tmp_path / "side_1" / service
        assert file.stat().st_mode & 0o777 == 0o600
        assert asyncio.run(_greet(connection_url(urls["side_1"], role, file))) == role
        assert may(server, "side_1", role, "prompts", "SELECT")
        assert not may(server, "side_2", role, "prompts", "SELECT")


async def _greet(url: str) -> str:
    async with connect(url, timeout_seconds=5) as connection:
        user: str = await connection.fetchval("SELECT session_user::text")
        return user


def test_who_migrates_is_believed_until_the_manager_has_a_user_of_its_own(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    url = make_database(server, "own")
    upgrade(url, tmp_path)
    assert trusted(server, "own") == ["agent"]
    upgrade(url, tmp_path, "console")
    assert trusted(server, "own") == ["agent"]
    named = connection_url(url, "own_console", tmp_path / "console")
    assert asyncio.run(_greet(named)) == "own_console"
    upgrade(url, tmp_path, "manager")
    assert trusted(server, "own") == ["own_manager"]


def test_a_grant_that_is_lacking_or_too_many_is_mended_at_the_next_start(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    url = make_database(server, "later")
    upgrade(url, tmp_path, "worker")
    run(server, "REVOKE SELECT ON prompts FROM later_worker", "later")
    run(server, "GRANT SELECT (id), DELETE ON selfheal.users TO later_worker", "later")
    upgrade(url, tmp_path)
    assert may(server, "later", "later_worker", "prompts", "SELECT")
    assert not may(server, "later", "later_worker", "selfheal.users", "DELETE")
    assert not run(
        server,
        "SELECT has_any_column_privilege('later_worker', 'selfheal.users', 'SELECT')",
        "later",
    )


def test_users_of_the_last_release_go_on(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """Before, two users were the whole server's, and a file had the Manager's alone."""
    url = make_database(server, "old")
    upgrade(url, tmp_path)
    for statement in (
        "CREATE ROLE selfheal_manager LOGIN PASSWORD 'kept'",
        "GRANT USAGE ON SCHEMA selfheal TO selfheal_manager",
        "UPDATE selfheal.trusted_roles SET role = 'selfheal_manager'",
    ):
        run(server, statement, "old")
    file = tmp_path / "manager"
    file.write_text("*:*:*:selfheal_manager:kept\n")
    file.chmod(0o600)
    upgrade(url, tmp_path)
    before = connection_url(url, "selfheal_manager", file)
    assert asyncio.run(_greet(before)) == "selfheal_manager"
    assert may(server, "old", "selfheal_manager", "selfheal.landings", "INSERT")

    upgrade(url, tmp_path, "manager")
    assert trusted(server, "old") == ["old_manager", "selfheal_manager"]
    for role in ("old_manager", "selfheal_manager"):
        assert asyncio.run(_greet(connection_url(url, role, file))) == role
        assert may(server, "old", role, "selfheal.landings", "INSERT")
    assert file.read_text().startswith("*:*:*:selfheal_manager:kept\n")
    make_database(server, "other")
    upgrade(server.address.url("other"), tmp_path)
    assert not may(server, "other", "selfheal_manager", "prompts", "SELECT")


def test_without_the_right_to_make_users_existing_ones_are_named(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    run(server, "CREATE ROLE plain LOGIN PASSWORD 'plain'")
    make_database(server, "plain", owner="plain")
    place = f"{server.address.host}:{server.port}/plain"
    url = f"postgresql://plain:plain@{place}"
    upgrade(url, tmp_path)
    assert trusted(server, "plain") == ["plain"]
    with pytest.raises(PostgresError, match="can't be made") as raised:
        upgrade(url, tmp_path, "manager")
    assert "WORKER_DATABASE_URL" in raised.value.remedy

    for name in ("boss", "hand"):
        run(server, f"CREATE ROLE {name} LOGIN PASSWORD 'theirs'")
    named = {
        "manager": f"postgresql://boss:theirs@{place}",
        "worker": f"postgresql://hand:theirs@{place}",
        "optimizer": url,
    }
    upgrade(url, tmp_path, **named)
    assert trusted(server, "plain") == ["boss"]
    assert may(server, "plain", "hand", "prompts", "SELECT")
    assert not may(server, "plain", "hand", "prompts", "UPDATE")
    assert may(server, "plain", "plain", "prompts", "DELETE")  # the owner keeps everything


@pytest.mark.parametrize("database", ["a" * 60, "a:b"])
def test_a_name_that_would_be_cut_or_quoted_is_refused(database: str) -> None:
    with pytest.raises(PostgresError, match="makes none"):
        name_role(database, "worker")
