"""Brings a database of the operator's own to this version's schema; run before the services."""

import asyncio
from pathlib import Path

import asyncpg

from selfheal.runtime.errors import PostgresError
from selfheal.runtime.schema.migrations import (
    LOCK_SCHEMA,
    Connection,
    Migration,
    UnnumberedMigrationError,
    apply_migration,
    find_migrations,
    find_missing,
)

CONNECT_TIMEOUT_SECONDS = 10.0
STATEMENT_TIMEOUT_SECONDS = 600.0
_HAS_TABLES = "SELECT to_regclass('prompts') IS NOT NULL"
_HAS_OURS = "SELECT to_regclass('selfheal.migrations') IS NOT NULL"


def upgrade_schema(database_url: str, *, schema: Path) -> list[str]:
    """Make the tables in an empty database, or apply the migrations that it lacks.

    Each step is a transaction, and whoever upgrades the same database at once waits.

    Args:
        database_url: The server, credentials included: never printed.
        schema: SQL that makes everything; its migrations lie beside it.

    Returns:
        Words for what was applied; empty where the schema was current.

    Raises:
        PostgresError: If the server can't be reached, or something doesn't apply.
    """
    statements = schema.read_text(encoding="utf-8")
    return asyncio.run(_upgrade(database_url, statements, find_migrations(schema)))


async def _upgrade(database_url: str, schema: str, migrations: list[Migration]) -> list[str]:
    try:
        connection = await asyncpg.connect(
            database_url,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=STATEMENT_TIMEOUT_SECONDS,
        )
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError) as error:
        raise PostgresError(
            f"Can't connect to the database: {str(error) or type(error).__name__}.",
            remedy="Check that it runs, and DATABASE_URL (the password of an existing database "
            "is the one that it was made with).",
        ) from error
    try:
        await connection.execute(LOCK_SCHEMA)  # given back with the connection
        return await _apply_what_is_missing(connection, schema, migrations)
    except (TimeoutError, asyncpg.PostgresError, UnnumberedMigrationError) as error:
        raise PostgresError(
            f"The schema was not brought up to date: {str(error) or type(error).__name__}.",
            remedy="The data are as they were. Remove the cause and run it again.",
        ) from error
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_SECONDS)


async def _apply_what_is_missing(
    connection: Connection, schema: str, migrations: list[Migration]
) -> list[str]:
    if not await connection.fetchval(_HAS_TABLES):
        async with connection.transaction():
            await connection.execute(schema)
        return ["the database schema"]
    if not await connection.fetchval(_HAS_OURS):
        raise PostgresError(
            "The database has a table `prompts`, but not of this system: it keeps no list of "
            "migrations.",
            remedy="Name another database in DATABASE_URL.",
        )
    missing = await find_missing(connection, migrations)
    for migration in missing:
        await apply_migration(connection, migration)
    return [str(migration) for migration in missing]
