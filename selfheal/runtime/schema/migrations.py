"""The database's schema: whether it is current, and what brings it up to date.

A database's own list, the table `selfheal.migrations`, says which version of the schema it has.
"""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from selfheal.runtime.errors import PostgresError
from selfheal.runtime.schema.exclusion import (
    END_IT,
    PATIENCE_SECONDS,
    SELECT_OLDEST,
    Connection,
    alone,
)
from selfheal.runtime.schema.steps import Step, UnfinishedStepError, split_steps
from selfheal.runtime.waiting import Progress, silent
from services.common.database import close_connection

DIRECTORY: Final = "migrations"
_FILE_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
# Who waits for a table's lock has those wait who come later; so there is time for them to pass.
_PAUSES_SECONDS: Final = (2.0, 4.0)
# An index of a large table takes hours, and nobody waits for it.
_BUILD_SECONDS: Final = 7 * 86_400.0
_TELL_AFTER_SECONDS: Final = 2.0
_CLOSE_SECONDS: Final = 5.0
_HAS_TABLES: Final = "SELECT to_regclass('prompts') IS NOT NULL"
_HAS_LIST: Final = "SELECT to_regclass('selfheal.migrations') IS NOT NULL"
_LATEST_NUMBER: Final = "SELECT coalesce(max(number), 0) FROM selfheal.migrations"

# Those that a statement names.
_SELECT_BROKEN_INDEXES: Final = """
    SELECT indrelid::regclass::text, indexrelid::regclass::text
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE NOT indisvalid AND relname = ANY(regexp_split_to_array($1, '\\W+'))
      AND indrelid::regclass::text = ANY(regexp_split_to_array($1, '[^\\w.]+'))
"""
_IS_VALID: Final = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)"

Open = Callable[[], Awaitable[Connection]]


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
    connection: Connection, another: Open, schema: Path, *, progress: Progress = silent
) -> list[str]:
    """Make the tables in an empty database, or apply the migrations that it lacks.

    Each step is done whole or not at all. One that waits too long for the lock of a table is tried
    again, after a while in which others come through. Others that update the same database wait.

    Args:
        another: Opens one more connection, which holds the lock where a step is no transaction.
        schema: SQL that makes everything; it includes the migrations beside it.
        progress: Is told whom it waits for, and what takes long.

    Returns:
        Words for what was applied by this call.

    Raises:
        PostgresError: If something doesn't apply, or another one is at it for too long.
    """
    update = _Update(connection, another, schema, progress)
    applied: list[str] = []
    while True:
        state = await read_schema_state(connection, schema)
        if not state.is_empty and not state.missing:
            return applied
        if done := await update.apply(None if state.is_empty else state.missing[0]):
            applied.append(done)


@dataclass(frozen=True, slots=True)
class _Update:
    connection: Connection
    another: Open
    schema: Path
    progress: Progress

    async def apply(self, migration: Migration | None) -> str:
        """Apply a migration, or the schema; return words for it, none if another one did it."""
        file = migration.file if migration else self.schema
        what = str(migration or "schema")
        sql = file.read_text(encoding="utf-8")
        try:
            steps = list(split_steps(sql)) if migration else [Step(sql, is_transaction=True)]
            for step in steps:
                if not await self._take(step, migration, is_last=step is steps[-1]):
                    return ""
        except TimeoutError as error:
            raise PostgresError(
                f"The database's {what} took too long to apply; nothing of it was kept.",
                remedy="Stop what uses the database (selfheal down), and start again.",
            ) from error
        except (asyncpg.PostgresError, UnfinishedStepError, UnnumberedMigrationError) as error:
            raise PostgresError(
                f"The database's {what} doesn't apply: {error}.",
                remedy=f"The data are as they were. Correct {file}, or go back to the "
                "version of this package that made the database.",
            ) from error
        return str(migration) if migration else "the database schema"

    async def _take(self, step: Step, migration: Migration | None, *, is_last: bool) -> bool:
        """Take a step when the locks of its tables are to be had; False if it isn't needed."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await self._try(step, migration, is_last=is_last)
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
                holder = await self.connection.fetchval(SELECT_OLDEST) or "other transactions"
                if time.monotonic() > end:
                    raise PostgresError(
                        f"The locks that {migration} needs weren't to be had. Open: {holder}.",
                        remedy=END_IT,
                    ) from error
            self.progress(f"{migration} waits for {holder}")
            await asyncio.sleep(random.uniform(*_PAUSES_SECONDS))  # noqa: S311 - no secret

    async def _try(self, step: Step, migration: Migration | None, *, is_last: bool) -> bool:
        async with AsyncExitStack() as stack:
            keeper = self.connection
            if not step.is_transaction:
                keeper = await self.another()
                stack.push_async_callback(close_connection, keeper, timeout_seconds=_CLOSE_SECONDS)
            await stack.enter_async_context(alone(keeper, self.progress))
            state = await read_schema_state(self.connection, self.schema)
            if not (migration in state.missing if migration else state.is_empty):
                return False
            if not step.is_transaction:
                await self._run_beside_traffic(step, str(migration))
                return True
            await self.connection.execute(step.sql)
            latest = await self.connection.fetchval(_LATEST_NUMBER) if migration else 0
            if migration and is_last and latest < migration.number:
                raise UnnumberedMigrationError(migration.file)
            return True

    async def _run_beside_traffic(self, step: Step, what: str) -> None:
        """Run a statement that is no part of a transaction, however long it takes."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(_TELL_AFTER_SECONDS, self.progress, f"{what}: {step.title}")
        try:
            for table, index in await self.connection.fetch(_SELECT_BROKEN_INDEXES, step.sql):
                await self._drop_if_broken(table, index)
            await self.connection.execute(step.sql, timeout=_BUILD_SECONDS)
        finally:
            timer.cancel()

    async def _drop_if_broken(self, table: str, index: str) -> None:
        """Drop an index whose build was broken off, but not one that is being built."""
        async with self.connection.transaction():
            # A build goes on at the server for a while when its client is gone.
            await self.connection.execute(
                f"LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE", timeout=_BUILD_SECONDS
            )
            is_built = await self.connection.fetchval(_IS_VALID, index)
        if is_built is False:
            await self.connection.execute(
                f"DROP INDEX CONCURRENTLY {index}", timeout=_BUILD_SECONDS
            )
