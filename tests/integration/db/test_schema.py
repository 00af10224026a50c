import dataclasses
import types
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args, get_type_hints
from uuid import UUID

import asyncpg
import pytest

from services.common.models import ExecutionLog, OptimizationReport, Prompt

Connection = asyncpg.Connection

GUIDE_SCHEMA = Path(__file__).with_name("guide_schema.sql").read_text(encoding="utf-8")
TABLES = ("prompts", "execution_logs", "optimization_reports")

COLUMNS = """
    SELECT table_name, ordinal_position, column_name, data_type, udt_name,
           character_maximum_length, numeric_precision, datetime_precision,
           is_nullable, column_default, is_identity, is_generated
    FROM information_schema.columns
    WHERE table_schema = 'public'
    ORDER BY table_name, ordinal_position
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text AS table_name, contype, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    ORDER BY 1, 2, 3
"""
# What psql's \dt asks: the tables that the search path shows.
VISIBLE_TABLES = """
    SELECT relname
    FROM pg_class
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND pg_table_is_visible(pg_class.oid)
      AND nspname !~ '^pg_' AND nspname <> 'information_schema'
    ORDER BY relname
"""


@pytest.fixture
async def guide(blank_database_url: str) -> AsyncIterator[Connection]:
    """A database made by the guide's statements, in a transaction that nobody commits."""
    connection = await asyncpg.connect(blank_database_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(GUIDE_SCHEMA)
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(COLUMNS, id="columns"),
        pytest.param(CONSTRAINTS, id="constraints"),
        pytest.param(VISIBLE_TABLES, id="tables in the search path"),
    ],
)
async def test_the_three_tables_are_the_guides_to_the_letter(
    connection: Connection, guide: Connection, query: str
) -> None:
    ours, theirs = await connection.fetch(query), await guide.fetch(query)

    assert theirs
    assert [tuple(row) for row in ours] == [tuple(row) for row in theirs]


async def test_the_search_path_shows_the_three_tables_and_nothing_else(
    connection: Connection,
) -> None:
    visible = [row["relname"] for row in await connection.fetch(VISIBLE_TABLES)]

    assert visible == sorted(TABLES)


async def test_no_index_of_ours_rejects_a_row(connection: Connection) -> None:
    strict = await connection.fetch(
        """
        SELECT indexrelid::regclass::text FROM pg_index
        JOIN pg_class ON pg_class.oid = indrelid
        WHERE relname = ANY($1) AND relnamespace = 'public'::regnamespace
          AND (indisunique OR indisexclusion) AND NOT indisprimary
        """,
        list(TABLES),
    )

    assert strict == []


async def test_the_seed_is_one_row_that_begins_with_the_guides_words(
    connection: Connection, guide: Connection
) -> None:
    columns = "id, task_type, version, is_active, change_reason, created_by"
    seed = f"SELECT {columns} FROM prompts"

    assert [tuple(row) for row in await connection.fetch(seed)] == [
        tuple(row) for row in await guide.fetch(seed)
    ]
    words = (await guide.fetchval("SELECT content FROM prompts")).removesuffix("...")
    assert words == "You are a Python code generator"
    content = await connection.fetchval("SELECT content FROM prompts")
    assert content.startswith(words)
    assert not content.rstrip().endswith("...")


PROMPT = "INSERT INTO prompts (task_type, content, version) VALUES ('t', 'c', 7)"
LONG = "x" * 100_000


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(f"{PROMPT}, ('t', 'c', 7)", id="the same version twice, both active"),
        pytest.param("INSERT INTO prompts (task_type, content) VALUES ('', '')", id="empty texts"),
        pytest.param(
            "INSERT INTO prompts (task_type, content, version) VALUES ('t', 'c', -2147483648)",
            id="a negative version",
        ),
        pytest.param(
            f"INSERT INTO prompts (task_type, content) VALUES ('{'가' * 64}', '{LONG}')",
            id="a long content, a task type of 64 letters that take three bytes each",
        ),
        pytest.param(
            "INSERT INTO prompts (task_type, content, is_active, change_reason, created_at) "
            "VALUES ('t', 'c', FALSE, NULL, '-infinity')",
            id="inactive since ever, for no reason",
        ),
        pytest.param("UPDATE prompts SET is_active = FALSE", id="none active"),
        pytest.param("UPDATE prompts SET id = 1000, task_type = 'other'", id="renamed"),
        pytest.param("DELETE FROM prompts", id="no prompt at all"),
        pytest.param("TRUNCATE prompts RESTART IDENTITY", id="truncated"),
        pytest.param(
            "INSERT INTO execution_logs (request_id, task_type, user_input) "
            "VALUES ('00000000-0000-0000-0000-000000000000', 't', '')",
            id="a log row of what must be there only",
        ),
        pytest.param(
            "INSERT INTO execution_logs (request_id, task_type, user_input) "
            "SELECT '00000000-0000-0000-0000-000000000000', 't', 'u' FROM generate_series(1, 2)",
            id="a request logged twice",
        ),
        pytest.param(
            "INSERT INTO execution_logs (request_id, task_type, user_input, prompt_version, "
            "worker_latency_ms, evaluation_score, evaluation_passed, evaluation_detail) "
            "VALUES (gen_random_uuid(), 't', 'u', 424242, -1, 'NaN', TRUE, '[null]')",
            id="a version that never was, scores and details that make no sense",
        ),
        pytest.param(
            "INSERT INTO optimization_reports (task_type, before_prompt_version, "
            "before_prompt_content, after_prompt_version, after_prompt_content, improvement_pct) "
            "VALUES ('t', 9, '', 9, '', 'Infinity')",
            id="a report of versions that never were",
        ),
    ],
)
async def test_every_row_that_the_guides_schema_takes_ours_takes(
    connection: Connection, guide: Connection, statement: str
) -> None:
    assert await connection.execute(statement) == await guide.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            "INSERT INTO prompts (task_type, content) VALUES (repeat('x', 65), 'c')",
            id="a task type of 65 letters",
        ),
        pytest.param("INSERT INTO prompts (task_type) VALUES ('t')", id="a prompt without content"),
        pytest.param(
            "INSERT INTO execution_logs (request_id, task_type) VALUES (gen_random_uuid(), 't')",
            id="a log row without input",
        ),
    ],
)
async def test_what_the_guides_schema_refuses_ours_refuses(
    connection: Connection, guide: Connection, statement: str
) -> None:
    with pytest.raises(asyncpg.PostgresError) as theirs:
        async with guide.transaction():
            await guide.execute(statement)
    with pytest.raises(type(theirs.value)):
        await connection.execute(statement)


@pytest.mark.parametrize(
    ("table", "row_type"),
    [
        ("prompts", Prompt),
        ("execution_logs", ExecutionLog),
        ("optimization_reports", OptimizationReport),
    ],
)
async def test_a_row_type_names_its_tables_columns_in_order_and_what_may_be_null(
    connection: Connection, table: str, row_type: type[Any]
) -> None:
    columns = await connection.fetch(
        "SELECT column_name, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position",
        table,
    )
    hints = get_type_hints(row_type)

    assert [field.name for field in dataclasses.fields(row_type)] == [
        column["column_name"] for column in columns
    ]
    assert {name for name, hint in hints.items() if types.NoneType in get_args(hint)} == {
        column["column_name"] for column in columns if column["is_nullable"] == "YES"
    }


ROW_VALUES = {
    "prompts": {"task_type": "t", "content": "c"},
    "execution_logs": {
        "request_id": UUID(int=7),
        "task_type": "t",
        "user_input": "u",
        "evaluation_score": 0.5,
        "evaluation_passed": False,
        "evaluation_detail": {"rule": 1},
        "prompt_version": 1,
        "worker_latency_ms": 12,
    },
    "optimization_reports": {
        "task_type": "t",
        "before_prompt_version": 1,
        "before_prompt_content": "b",
        "after_prompt_version": 2,
        "after_prompt_content": "a",
        "failure_analysis": {},
        "improvement_pct": 51.4,
    },
}


@pytest.mark.parametrize(
    ("table", "row_type"),
    [
        ("prompts", Prompt),
        ("execution_logs", ExecutionLog),
        ("optimization_reports", OptimizationReport),
    ],
)
async def test_a_row_type_holds_what_its_table_gives(
    connection: Connection, table: str, row_type: type[Any]
) -> None:
    values = ROW_VALUES[table]
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    record = await connection.fetchrow(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places}) RETURNING *",
        *values.values(),
    )
    assert record is not None
    row = row_type(**record)

    for name, hint in get_type_hints(row_type).items():
        allowed = tuple(getattr(part, "__origin__", part) for part in (get_args(hint) or (hint,)))
        assert isinstance(getattr(row, name), allowed), name
