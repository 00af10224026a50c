"""The database that the grading reads and writes, either way: statements, and rows as JSON."""

import json
from typing import Any

from grading.database.compose_psql import ComposeDatabase
from grading.database.driver import DriverDatabase

Row = dict[str, Any]


# Both raise DatabaseUnavailableError and DatabaseStatementError alone.
Database = DriverDatabase | ComposeDatabase


def fetch_rows(database: Database, query: str) -> list[Row]:
    """Fetch the rows of a query in JSON's own types: a time is an ISO 8601 text."""
    wrapped = f"SELECT coalesce(json_agg(found), '[]')::text FROM ({query}) AS found"
    rows: list[Row] = json.loads(database.fetch_text(wrapped))
    return rows


def literal(value: str | int | None) -> str:
    """Write a value as SQL text, for both adapters alike.

    Raises:
        ValueError: If a text holds a NUL, which PostgreSQL has no text for.
    """
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(int(value))
    if "\0" in value:
        raise ValueError("PostgreSQL has no text with a NUL in it")
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"
