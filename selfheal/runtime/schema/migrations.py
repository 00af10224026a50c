"""The database's schema: whether it is current, and what brings it up to date.

A database's own list, the table `selfheal.migrations`, says which version of the schema it has.
"""

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from selfheal.runtime.errors import PostgresError
from selfheal.runtime.waiting import Progress, silent

DIRECTORY: Final = "migrations"
_FILE_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
# Held by the transaction that changes the schema, so that two at once apply nothing twice. A
# session's lock would stay on a pooler's connection.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('selfheal:schema', 0))"
_TRY_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('selfheal:schema', 0))"
_SELECT_HOLDER: Final = """
    SELECT format('%s (%s, process %s of the server), since %s', usename,
                  coalesce(nullif(application_name, ''), 'no name'), pid,
                  to_char(xact_start AT TIME ZONE 'UTC', 'HH24:MI:SS UTC'))
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted
      AND (classid::bigint << 32) | objid::bigint = hashtextextended('selfheal:schema', 0)
"""
_PATIENCE_SECONDS: Final = 600.0
_RETRY_SECONDS: Final = 0.5
_HAS_TABLES: Final = "SELECT to_regclass('prompts') IS NOT NULL"
_HAS_LIST: Final = "SELECT to_regclass('selfheal.migrations') IS NOT NULL"
_LATEST_NUMBER: Final = "SELECT coalesce(max(number), 0) FROM selfheal.migrations"

Connection = asyncpg.Connection


@dataclass(frozen=True, slots=True)
class Migration:
    """A file that brings the schema from the number before to its own, which it notes itself."""

    number: int
    file: Path

    def __str__(self) -> str:
        return f"migration {self.number}"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """What a database has of the schema.

    Attributes:
        has_tables: Whether it has the table of prompts, which every version has.
        has_list: Whether it keeps a list of its migrations. Without one it was made by a version
            of before the list, or by another system.
        missing: The migrations that its list lacks, in order.
    """

    has_tables: bool
    has_list: bool
    missing: tuple[Migration, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the schema is there."""
        return not (self.has_tables or self.has_list)


class UnnumberedMigrationError(Exception):
    """A migration didn't note its number, so it would be applied again and again."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"{file.name} doesn't note its number in selfheal.migrations")


def find_migrations(schema: Path) -> list[Migration]:
    """List the migrations that lie beside a schema file, in order; none where there are none."""
    found = [
        Migration(int(match[1]), path)
        for path in (schema.parent / DIRECTORY).glob("*.sql")
        if (match := _FILE_NAME.fullmatch(path.name))
    ]
    return sorted(found, key=lambda migration: migration.number)


async def read_schema_state(connection: Connection, schema: Path) -> SchemaState:
    """Compare a database with a schema file and the migrations beside it."""
    has_tables = await connection.fetchval(_HAS_TABLES)
    has_list = await connection.fetchval(_HAS_LIST)
    latest = await connection.fetchval(_LATEST_NUMBER) if has_list else 0
    missing = [one for one in find_migrations(schema) if has_list and one.number > latest]
    return SchemaState(has_tables, has_list, tuple(missing))


async def update_schema(
    connection: Connection, schema: Path, *, progress: Progress = silent
) -> list[str]:
    """Make the tables in an empty database, or apply the migrations that it lacks.

    Each step is a transaction: one that dies half-way leaves nothing half. Others that update the
    same database wait.

    Args:
        schema: SQL that makes everything; it includes the migrations beside it.
        progress: Is told whom it waits for.

    Returns:
        Words for what was applied by this call.

    Raises:
        PostgresError: If something doesn't apply, or another one is at it for too long.
    """
    applied: list[str] = []
    told = ""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        async with connection.transaction():
            is_alone = await connection.fetchval(_TRY_LOCK)
            if is_alone and not (step := await _apply_next(connection, schema)):
                return applied
        if is_alone:
            applied.append(step)
            continue
        holder = await connection.fetchval(_SELECT_HOLDER) or ""
        if holder and holder != told:
            progress(f"waiting for {holder}, who updates the schema of this database")
            told = holder
        if time.monotonic() > end:
            raise PostgresError(
                f"Another one updates the schema of this database: {told}.",
                remedy="Wait for it, or end it there: SELECT pg_terminate_backend(process)",
            )
        await asyncio.sleep(_RETRY_SECONDS)


async def _apply_next(connection: Connection, schema: Path) -> str:
    """Apply the first thing that the database lacks; return words for it, none if it has all."""
    state = await read_schema_state(connection, schema)
    if state.is_empty:
        await _apply(connection, schema, "schema")
        return "the database schema"
    for migration in state.missing[:1]:
        await _apply(connection, migration.file, str(migration), notes=migration.number)
        return str(migration)
    return ""


async def _apply(connection: Connection, file: Path, what: str, *, notes: int = 0) -> None:
    """Run an SQL file in one transaction; it must note the number `notes`, unless that is 0."""
    sql = file.read_text(encoding="utf-8")  # noqa: ASYNC240 - small, and read once at a start
    try:
        async with connection.transaction():
            await connection.execute(sql)
            if notes and await connection.fetchval(_LATEST_NUMBER) < notes:
                raise UnnumberedMigrationError(file)
    except TimeoutError as error:
        raise PostgresError(
            f"The database's {what} took too long to apply; nothing of it was kept.",
            remedy="Stop what uses the database (selfheal down), and start again.",
        ) from error
    except (asyncpg.PostgresError, UnnumberedMigrationError) as error:
        raise PostgresError(
            f"The database's {what} doesn't apply: {error}.",
            remedy=f"The data are as they were. Correct {file}, or go back to the "
            "version of this package that made the database.",
        ) from error
