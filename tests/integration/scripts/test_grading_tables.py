"""What the benchmark does to the tables, in a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from grading import tables
from grading.database.driver import Address, DriverDatabase
from grading.database.port import Database, Row, fetch_rows
from grading.guide import BAD_PROMPTS
from support.running_system import GUIDE_INJECTION

from selfheal.runtime.temporary import temporary_postgres

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
