"""Migrations on a real PostgreSQL: they lead to the schema itself, and lose nothing on the way."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

import asyncpg
import pytest

from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime import diagnosis
from selfheal.runtime.errors import PostgresError
from selfheal.runtime.postgres.binaries import find_binaries
from selfheal.runtime.postgres.database import DATABASE
from selfheal.runtime.postgres.external import ExternalDatabase
from selfheal.runtime.postgres.server import EmbeddedPostgres
from selfheal.runtime.schema import migrations
from selfheal.runtime.schema.migrations import SchemaState
from services.common.config import Settings

ROOT = Path(__file__).parents[5]
SCHEMA = ROOT / "db" / "schema.sql"
FIRST_SCHEMA = ROOT / "tests" / "integration" / "db" / "schema_1.sql"
MIGRATIONS = [
    "migration 2",
    "migration 3",
    "migration 4",
    "migration 5",
    "migration 6",
    "migration 7",
]

CATALOG = {
    "columns": """
        SELECT table_schema, table_name, column_name, ordinal_position, data_type, column_default,
               is_nullable, is_identity, identity_generation, character_maximum_length
        FROM information_schema.columns
        WHERE table_schema IN ('public', 'selfheal')
        ORDER BY 1, 2, 4
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint
        WHERE connamespace IN ('public'::regnamespace, 'selfheal'::regnamespace)
        ORDER BY 1, 2
    """,
    "indexes": """
        SELECT schemaname, tablename, indexname, indexdef
        FROM pg_indexes
        WHERE schemaname IN ('public', 'selfheal')
        ORDER BY 1, 2, 3
    """,
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
        FROM pg_trigger
        WHERE NOT tgisinternal
        ORDER BY 1, 2
    """,
    "functions": """
        SELECT proname, pg_get_functiondef(oid)
        FROM pg_proc
        WHERE pronamespace IN ('public'::regnamespace, 'selfheal'::regnamespace)
        ORDER BY 1
    """,
    "migrations": "SELECT number FROM selfheal.migrations ORDER BY 1",
}
CURRENT = SchemaState(has_tables=True, has_list=True, missing=())


def ask(postgres: EmbeddedPostgres, statement: str, database: str = DATABASE) -> Any:
    async def fetch() -> list[asyncpg.Record]:
        connection = await postgres.address.connect(database)
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    return [tuple(row) for row in asyncio.run(fetch())]


def read_catalog(postgres: EmbeddedPostgres) -> dict[str, Any]:
    return {name: ask(postgres, statement) for name, statement in CATALOG.items()}


def seen_with(postgres: EmbeddedPostgres, schema: Path) -> EmbeddedPostgres:
    """The same server as a version of ours with that schema sees it."""
    return EmbeddedPostgres(postgres.directory, port=postgres.port, schema=schema)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with temporary_postgres(FIRST_SCHEMA, settings={"fsync": "off"}) as postgres:
        yield postgres


@pytest.fixture
def old(server: EmbeddedPostgres) -> EmbeddedPostgres:
    """A server whose database the first schema made."""
    ask(server, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", "postgres")
    server.start()
    return server


def test_an_old_database_becomes_what_the_schema_makes(old: EmbeddedPostgres) -> None:
    new = seen_with(old, SCHEMA)
    said: list[str] = []
    assert [str(one) for one in new.schema_state().missing] == MIGRATIONS
    new.start(progress=said.append)
    migrated = read_catalog(new)
    # Each tells after its commit, when the next one may have told of its own already.
    assert sorted(said) == [f"applied {one}" for one in MIGRATIONS]
    assert new.schema_state() == CURRENT

    ask(old, f"DROP DATABASE {DATABASE} WITH (FORCE)", "postgres")
    new.start(progress=said.append)
    assert said[len(MIGRATIONS) :] == ["applied the database schema"]
    assert new.schema_state() == CURRENT
    assert migrated == read_catalog(new)


def test_upgrading_keeps_the_data_and_doing_it_again_is_harmless(old: EmbeddedPostgres) -> None:
    ask(
        old,
        "INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, decision, reason, "
        "detail) VALUES ('code_generation', 1, 'held', 'kept', '{}')",
    )
    tables = ("prompts", "selfheal.activations", "selfheal.healing_runs")
    columns = "SELECT to_jsonb(t) - ARRAY['verdict', 'incumbent_digest', 'triggered_by', "
    columns += "'resolution', 'resolved_at', 'requested_by', 'resolved_by'"
    kept = columns + "] FROM {} t"
    before = [ask(old, kept.format(table)) for table in tables]
    new = seen_with(old, SCHEMA)
    new.start()
    said: list[str] = []
    new.start(progress=said.append)
    assert said == []
    assert [ask(old, kept.format(table)) for table in tables] == before


def test_the_doctor_says_what_is_missing_and_what_applies_it(
    old: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = seen_with(old, SCHEMA)
    monkeypatch.setattr(diagnosis, "build_embedded_postgres", lambda _: new)
    monkeypatch.setattr(diagnosis, "uses_own_database", lambda _: False)
    checks = [check for check in diagnosis._check_database(Settings()) if check.name == "database"]
    assert [(check.result, check.found) for check in checks] == [
        (diagnosis.CheckResult.WARN, f"lacks {', '.join(MIGRATIONS)}")
    ]
    assert "selfheal up" in checks[0].remedy
    new.start()
    checks = [check for check in diagnosis._check_database(Settings()) if check.name == "database"]
    assert [check.result for check in checks] == [diagnosis.CheckResult.OK]


def test_two_that_upgrade_at_once_apply_each_migration_once(old: EmbeddedPostgres) -> None:
    said: list[str] = []

    def upgrade() -> None:
        seen_with(old, SCHEMA).start(progress=said.append)

    with ThreadPoolExecutor() as pool:
        for upgraded in [pool.submit(upgrade) for _ in range(4)]:
            upgraded.result()
    # Each tells after its commit, when the next one may have told of its own already.
    assert sorted(one for one in said if one.startswith("applied")) == [
        f"applied {one}" for one in MIGRATIONS
    ]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A schema of the test's own, with its migrations beside it."""
    shutil.copytree(SCHEMA.parent, tmp_path / "db")
    return tmp_path / "db" / "schema.sql"


@pytest.mark.parametrize(
    ("statements", "complaint"),
    [
        ("CREATE TABLE halfway (id INT);\nCREATE TABLE broken (id NONSENSE);", "nonsense"),
        ("CREATE TABLE halfway (id INT);", "doesn't note its number"),
    ],
)
def test_a_migration_that_does_not_apply_leaves_the_ones_before_it_and_nothing_half(
    old: EmbeddedPostgres, copy: Path, statements: str, complaint: str
) -> None:
    broken = copy.parent / "migrations" / "0008_broken.sql"
    broken.write_text(f"BEGIN;\n{statements}\nCOMMIT;\n")
    with pytest.raises(PostgresError, match=rf"migration 8 doesn't apply: .*{complaint}"):
        seen_with(old, copy).start()
    assert ask(old, "SELECT to_regclass('halfway')") == [(None,)]
    assert ask(old, "SELECT max(number) FROM selfheal.migrations") == [(7,)]
    broken.write_text("INSERT INTO selfheal.migrations (number) VALUES (8);")
    said: list[str] = []
    seen_with(old, copy).start(progress=said.append)
    assert said == ["applied migration 8"]


# A unique index of equal rows can't be built, and stays behind, invalid.
BREAK_INDEX = """
    CREATE UNIQUE INDEX CONCURRENTLY execution_logs_unscored ON execution_logs (task_type)
"""
TWO_EQUAL_ROWS = """
    INSERT INTO execution_logs (request_id, task_type, user_input)
    SELECT gen_random_uuid(), 'mine', 'text' FROM generate_series(1, 2)
"""


@pytest.fixture
def with_broken_index(old: EmbeddedPostgres) -> EmbeddedPostgres:
    """The same, where a build of an index of migration 2 was broken off."""
    ask(old, TWO_EQUAL_ROWS)
    with pytest.raises(asyncpg.UniqueViolationError):
        ask(old, BREAK_INDEX)
    return old


SELECT_VALIDITY = """
    SELECT indisvalid, indisunique FROM pg_index
    WHERE indexrelid = 'execution_logs_unscored'::regclass
"""


def test_an_index_whose_build_was_broken_off_is_built_anew(
    with_broken_index: EmbeddedPostgres,
) -> None:
    assert ask(with_broken_index, SELECT_VALIDITY) == [(False, True)]
    seen_with(with_broken_index, SCHEMA).start()
    assert ask(with_broken_index, SELECT_VALIDITY) == [(True, False)]


def test_a_broken_index_of_somebody_elses_is_left_alone(old: EmbeddedPostgres) -> None:
    """Of any name: what looks like a pattern is none."""
    theirs = "theirs.execution_logs_unscored", 'theirs."odd(name"'
    ask(old, "CREATE SCHEMA theirs")
    ask(old, "CREATE TABLE theirs.rows (word TEXT)")
    ask(old, "INSERT INTO theirs.rows VALUES ('a'), ('a')")
    for name in theirs:
        create = f"CREATE UNIQUE INDEX CONCURRENTLY {name.removeprefix('theirs.')}"
        with pytest.raises(asyncpg.UniqueViolationError):
            ask(old, f"{create} ON theirs.rows (word)")
    seen_with(old, SCHEMA).start()
    for name in theirs:
        assert ask(old, f"SELECT to_regclass('{name}') IS NOT NULL") == [(True,)]


def test_an_index_that_was_built_before_a_migration_broke_stays(
    old: EmbeddedPostgres, copy: Path
) -> None:
    second = copy.parent / "migrations" / "0002_unattended_healing.sql"
    right = second.read_text()
    second.write_text(right.replace("VALUES (2)", "VALUES (nonsense)"))
    with pytest.raises(PostgresError, match="migration 2 doesn't apply"):
        seen_with(old, copy).start()
    which = "SELECT 'execution_logs_unscored'::regclass::oid"
    built = ask(old, which)
    second.write_text(right)
    seen_with(old, copy).start()
    assert ask(old, which) == built


IN_BATCHES = """
BEGIN;
ALTER TABLE execution_logs ADD COLUMN IF NOT EXISTS words INTEGER;
ALTER TABLE execution_logs DROP CONSTRAINT IF EXISTS some_words;
ALTER TABLE execution_logs ADD CONSTRAINT some_words CHECK (words > 0) NOT VALID;
COMMIT;
DO $$
BEGIN
    LOOP
        UPDATE execution_logs SET words = 1 WHERE id = (
            SELECT min(id) FROM execution_logs WHERE words IS NULL
        );
        EXIT WHEN NOT FOUND;
        COMMIT;
    END LOOP;
END $$;
ALTER TABLE execution_logs VALIDATE CONSTRAINT some_words;
BEGIN;
INSERT INTO selfheal.migrations (number) VALUES (8);
COMMIT;
"""


def test_rows_are_changed_in_batches_and_a_constraint_is_validated_apart(
    old: EmbeddedPostgres, copy: Path
) -> None:
    ask(old, TWO_EQUAL_ROWS)
    (copy.parent / "migrations" / "0008_words.sql").write_text(IN_BATCHES)
    seen_with(old, copy).start()
    # Each batch was a transaction of its own.
    assert ask(old, "SELECT count(DISTINCT xmin::text), min(words) FROM execution_logs") == [(2, 1)]
    assert ask(old, "SELECT convalidated FROM pg_constraint WHERE conname = 'some_words'") == [
        (True,)
    ]


def test_a_migration_that_waits_for_a_table_lets_the_inserts_pass(
    old: EmbeddedPostgres, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has written to the log and doesn't end; whoever comes after isn't kept waiting."""
    monkeypatch.setattr(migrations, "_PAUSES_SECONDS", (0.05, 0.05))
    said: Queue[str] = Queue()

    async def hold(pool: ThreadPoolExecutor) -> None:
        holding = await asyncpg.connect(old.database_url + "&application_name=slow")
        inserting = await asyncpg.connect(old.database_url)
        async with holding.transaction():
            await holding.execute("LOCK TABLE execution_logs IN ROW EXCLUSIVE MODE")
            ended = asyncio.wrap_future(
                pool.submit(seen_with(old, SCHEMA).start, progress=said.put)
            )
            while "slow" not in await asyncio.to_thread(said.get, timeout=20):
                pass
            await inserting.execute(TWO_EQUAL_ROWS)
            assert not ended.done()
        await ended
        await inserting.close()
        await holding.close()

    for path in (copy.parent / "migrations").glob("000[3-9]*"):
        path.unlink()
    seen_with(old, copy).start()
    with ThreadPoolExecutor() as pool:
        asyncio.run(hold(pool))
    assert seen_with(old, SCHEMA).schema_state() == CURRENT


def test_a_server_of_the_operators_own_is_told_what_to_apply(old: EmbeddedPostgres) -> None:
    theirs = ExternalDatabase(old.database_url, schema=SCHEMA)
    with pytest.raises(PostgresError, match="lacks migration 2") as raised:
        theirs.start()
    command = re.search(r"psql .*", raised.value.remedy)
    assert command is not None
    assert command[0].startswith('psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f ')
    assert "-f db/migrations/0002_unattended_healing.sql -f " in command[0]
    assert ask(old, "SELECT max(number) FROM selfheal.migrations") == [(1,)]
    assert old.address.password not in raised.value.message + raised.value.remedy
    seen_with(old, SCHEMA).start()
    by_us = read_catalog(old)
    ask(old, f"DROP DATABASE {DATABASE} WITH (FORCE)", "postgres")
    old.start()

    assert run_psql(old, command[0]).returncode == 0
    assert theirs.start() is False
    assert read_catalog(old) == by_us


def run_psql(postgres: EmbeddedPostgres, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of psql as a user would, at the repository's root."""
    programs = find_binaries().program("psql").parent
    variables = {"PATH": f"{programs}:{os.defpath}", "DATABASE_URL": postgres.database_url}
    return subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_whoever_applies_a_migration_by_hand_is_told_of_a_broken_index(
    with_broken_index: EmbeddedPostgres,
) -> None:
    command = 'psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f db/migrations/0002_unattended_healing.sql'
    done = run_psql(with_broken_index, command)
    assert done.returncode != 0
    assert "the build of execution_logs_unscored was broken off" in done.stderr
    remedy = re.search(r"DROP INDEX CONCURRENTLY \w+", done.stderr)
    assert remedy is not None
    ask(with_broken_index, remedy[0])
    done = run_psql(with_broken_index, command)
    assert (done.returncode, done.stderr.count("ERROR")) == (0, 0), done.stderr
    assert ask(with_broken_index, SELECT_VALIDITY) == [(True, False)]


def test_a_server_of_the_operators_own_without_our_schema_is_taken_as_it_is(
    old: EmbeddedPostgres,
) -> None:
    """The guide's three tables alone: requests are served, and nothing is asked of them."""
    ask(old, "DROP SCHEMA selfheal CASCADE")
    assert ExternalDatabase(old.database_url, schema=SCHEMA).start() is False


def test_a_database_of_before_the_list_is_left_as_it_is_and_the_doctor_says_so(
    old: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(old, "DROP SCHEMA selfheal CASCADE")
    said: list[str] = []
    old.start(progress=said.append)
    assert said == []
    monkeypatch.setattr(diagnosis, "build_embedded_postgres", lambda _: old)
    monkeypatch.setattr(diagnosis, "uses_own_database", lambda _: False)
    (check,) = [one for one in diagnosis._check_database(Settings()) if one.name == "database"]
    assert check.result is diagnosis.CheckResult.WARN
    assert "another version of the schema" in check.found
