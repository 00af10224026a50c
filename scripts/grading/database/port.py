"""Interface to a database that the grading reads and writes: statements, and rows as JSON."""

import json
from typing import Any, Protocol

Row = dict[str, Any]


class Database(Protocol):
    """A connection that may be gone and made anew between two calls."""

    @property
    def description(self) -> str:
        """Describe the database for the report, without the password."""
        ...

    def execute(self, script: str) -> None:
        """Run statements, all of them or none.

        Raises:
            DatabaseUnavailableError: If the server can't be reached.
            DatabaseStatementError: If it refuses one.
        """
        ...

    def fetch_text(self, query: str) -> str:
        """Run a query of one row and one column, and return its text.

        Raises:
            DatabaseUnavailableError: If the server can't be reached.
            DatabaseStatementError: If it refuses the query.
        """
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...


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
