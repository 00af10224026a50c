"""Migrations are split into steps as psql runs them, and ours keep to what traffic bears."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.runtime.assembly import find_schema
from selfheal.runtime.schema.migrations import find_migrations
from selfheal.runtime.schema.steps import Step, UnfinishedStepError, split_steps

FILE = """\
-- A file; with a semicolon.
CREATE INDEX CONCURRENTLY IF NOT EXISTS one
    ON execution_logs (id);

BEGIN;
-- Kept.
CREATE TABLE two (id INT);
COMMIT;
DO $$
BEGIN
    COMMIT;
END $$;
"""
BESIDE_TRAFFIC = (
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS ",
    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ",
    "DROP INDEX CONCURRENTLY IF EXISTS ",
    "DO $$",
)
LARGE_TABLES = ("execution_logs", "selfheal.conversations")


def test_transactions_and_single_statements_are_told_apart() -> None:
    build = "CREATE INDEX CONCURRENTLY IF NOT EXISTS one\n    ON execution_logs (id);"
    assert list(split_steps(FILE)) == [
        Step(build, is_transaction=False),
        Step("-- Kept.\nCREATE TABLE two (id INT);", is_transaction=True),
        Step("DO $$\nBEGIN\n    COMMIT;\nEND $$;", is_transaction=False),
    ]


STATEMENTS = st.lists(
    st.tuples(
        st.sampled_from(["SELECT 1;", "SELECT\n    ';';", "DO $$\nBEGIN\n    NULL;\nEND $$;"]),
        st.booleans(),
    )
)


@given(STATEMENTS)
def test_nothing_is_lost_and_the_order_stays(statements: list[tuple[str, bool]]) -> None:
    text = "\n".join(f"BEGIN;\n{sql}\nCOMMIT;" if whole else sql for sql, whole in statements)
    assert [(one.sql, one.is_transaction) for one in split_steps(text)] == statements


@pytest.mark.parametrize("text", ["SELECT 1", "BEGIN;\nSELECT 1;", "DO $$\nBEGIN\n    NULL;"])
def test_a_file_that_ends_too_early_is_refused(text: str) -> None:
    with pytest.raises(UnfinishedStepError, match="isn't ended"):
        list(split_steps(text))


def test_ours_end_in_a_transaction_and_wait_for_no_lock_for_long() -> None:
    for migration in find_migrations(find_schema()):
        steps = list(split_steps(migration.file.read_text(encoding="utf-8")))
        assert steps[-1].is_transaction, migration
        for step in steps:
            if step.is_transaction:
                assert "SET LOCAL lock_timeout = '500ms';" in step.sql, migration
            else:
                validates = "VALIDATE CONSTRAINT" in step.sql
                assert step.sql.startswith(BESIDE_TRAFFIC) or validates, step.sql


def test_ours_build_no_index_of_a_large_table_that_is_there_in_a_transaction() -> None:
    for migration in find_migrations(find_schema()):
        for step in split_steps(migration.file.read_text(encoding="utf-8")):
            if not step.is_transaction:
                continue
            for table in LARGE_TABLES:
                is_new = f"CREATE TABLE {table} (" in step.sql
                builds = any(
                    "INDEX" in statement and f"ON {table} (" in statement
                    for statement in step.sql.split(";")
                )
                assert is_new or not builds, (migration, table)
