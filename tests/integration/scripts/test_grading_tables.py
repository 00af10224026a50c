"""What the benchmark does to the tables, in a real PostgreSQL."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from grading.database import tables
from grading.database.driver import Address, DriverDatabase
from grading.database.port import Database, Row, fetch_rows, literal
from grading.guide import BAD_PROMPTS
from support.running_system import GUIDE_INJECTION

from benchmarks.temporary_postgres import temporary_postgres

SCHEMA = Path(__file__).parents[3] / "tests" / "integration" / "db" / "guide_schema.sql"
NEWEST = "SELECT * FROM prompts ORDER BY id DESC LIMIT 1"


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with temporary_postgres(SCHEMA) as postgres:
        opened = DriverDatabase(Address("", 0, "", "", "", postgres.database_url))
        yield opened
        opened.close()


@pytest.fixture(autouse=True)
def _seed_alone(database: Database) -> None:
    tables.reset(database, keep_logs=False)


def newest(database: Database) -> Row:
    (row,) = fetch_rows(database, NEWEST)
    return row


def test_a_bad_prompt_goes_in_as_the_guide_s_does(database: Database) -> None:
    database.execute(GUIDE_INJECTION)
    by_hand = newest(database)
    tables.reset(database, keep_logs=False)
    injected = tables.inject(database, BAD_PROMPTS[0], author=tables.MENTOR)
    row = newest(database)
    assert (injected.id, injected.version, injected.is_active) == (row["id"], 99, True)
    differing = {name for name in row if row[name] != by_hand[name]}
    assert differing == {"id", "created_at"}


def test_a_version_is_never_used_twice(database: Database) -> None:
    versions = [
        tables.inject(database, content, author=tables.OPERATOR).version
        for content in BAD_PROMPTS[:3]
    ]
    assert versions == [99, 100, 101]
    (active,) = tables.read_active(database)
    assert active.version == 101


def test_only_the_oldest_prompt_is_left_and_active(database: Database) -> None:
    tables.inject(database, BAD_PROMPTS[0], author=tables.MENTOR)
    database.execute("UPDATE prompts SET is_active = FALSE")
    seed = tables.reset(database, keep_logs=True)
    assert [prompt.id for prompt in tables.read_active(database)] == [seed.id]
    assert len(tables.read_prompts(database)) == 1


REFERRED = (
    "CREATE TABLE votes (prompt_id INTEGER REFERENCES prompts (id));"
    "INSERT INTO votes SELECT id FROM prompts"
)
ALWAYS = (
    "ALTER TABLE prompts ALTER id DROP DEFAULT;"
    "ALTER TABLE prompts ALTER id ADD GENERATED ALWAYS AS IDENTITY (START 1000)"
)


@pytest.fixture
def own_database(database: Database) -> Iterator[Database]:
    """The tables in a schema of the test's own, which it may alter."""
    database.execute(f"CREATE SCHEMA own; SET search_path TO own; {SCHEMA.read_text()}")
    yield database
    database.execute("SET search_path TO public; DROP SCHEMA own CASCADE")


@pytest.mark.parametrize("altered", ["SELECT 1", ALWAYS])
@pytest.mark.parametrize("referred", ["SELECT 1", REFERRED])
def test_prompts_are_put_back_whatever_refers_to_them(
    own_database: Database, altered: str, referred: str
) -> None:
    own_database.execute(altered)
    rows = tables.read_all_prompts(own_database)
    tables.inject(own_database, BAD_PROMPTS[0], author=tables.MENTOR)
    own_database.execute(referred)
    own_database.execute("UPDATE prompts SET content = 'edited' WHERE version = 1")
    tables.put_prompts_back(own_database, rows)
    after = tables.read_all_prompts(own_database)
    assert [row for row in after if row["is_active"]] == rows
    assert (len(after) == len(rows)) is (referred != REFERRED)


def test_what_others_refer_to_stays_at_a_reset_and_is_inactive(own_database: Database) -> None:
    tables.inject(own_database, BAD_PROMPTS[0], author=tables.MENTOR)
    own_database.execute(REFERRED)
    seed = tables.reset(own_database, keep_logs=False)
    assert seed.version == 1
    assert tables.read_active(own_database) == [tables.Prompt(seed.id, 1, seed.content, True)]
    assert len(tables.read_prompts(own_database)) == 2


def test_a_seed_that_was_deleted_comes_back(own_database: Database) -> None:
    seed = tables.reset(own_database, keep_logs=False)
    tables.inject(own_database, BAD_PROMPTS[0], author=tables.MENTOR)
    own_database.execute(f"DELETE FROM prompts WHERE id = {seed.id}")
    tables.activate(own_database, seed)
    (active,) = tables.read_active(own_database)
    assert (active.version, active.content) == (1, seed.content)


@pytest.mark.parametrize("altered", ["SELECT 1", ALWAYS])
def test_a_dump_restores_every_digit_and_depth(
    own_database: Database, tmp_path: Path, altered: str
) -> None:
    own_database.execute(altered)
    deep = "[" * 2000 + "]" * 2000
    details = (deep, '{"a": 1e5000}', '{"b": 0.12345678901234567890}', json.dumps("\\ '' 한글"))
    for detail in details:
        own_database.execute(
            "INSERT INTO execution_logs (request_id, task_type, user_input, evaluation_detail) "
            f"VALUES (gen_random_uuid(), 't', 'x', {literal(detail)})"
        )
    fingerprint = "SELECT md5(string_agg(l::text, '|' ORDER BY id)) FROM execution_logs AS l"
    before = own_database.fetch_text(fingerprint)
    prompts = tables.read_all_prompts(own_database)
    script = tables.dump(own_database, tmp_path)
    tables.reset(own_database, keep_logs=False)
    tables.inject(own_database, BAD_PROMPTS[0], author=tables.MENTOR)
    own_database.execute(script.read_text(encoding="utf-8"))
    assert own_database.fetch_text(fingerprint) == before
    assert tables.read_all_prompts(own_database) == prompts
