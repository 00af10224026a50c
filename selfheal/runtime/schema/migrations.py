"""Additive changes of the database's schema: which there are, which are missing, applying them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

DIRECTORY: Final = "migrations"
# Held by the session that changes the schema, so that two at once apply nothing twice.
LOCK_SCHEMA: Final = "SELECT pg_advisory_lock(hashtextextended('selfheal:schema', 0))"
_FILE_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_HAS_MIGRATIONS: Final = "SELECT to_regclass('selfheal.migrations') IS NOT NULL"
_LATEST_NUMBER: Final = "SELECT coalesce(max(number), 0) FROM selfheal.migrations"

Connection = asyncpg.Connection


@dataclass(frozen=True, slots=True)
class Migration:
    """A file that brings the schema from the number before to its own, which it notes itself."""

    number: int
    file: Path

    def __str__(self) -> str:
        return f"migration {self.number}"


class UnnumberedMigrationError(Exception):
    """A migration didn't note its number, so it would be applied again and again."""

    def __init__(self, migration: Migration) -> None:
        super().__init__(f"{migration.file.name} doesn't note its number in selfheal.migrations")


def find_migrations(schema: Path) -> list[Migration]:
    """List the migrations that lie beside a schema file, in order; none where there are none."""
    found = [
        Migration(int(match[1]), path)
        for path in (schema.parent / DIRECTORY).glob("*.sql")
        if (match := _FILE_NAME.fullmatch(path.name))
    ]
    return sorted(found, key=lambda migration: migration.number)


async def find_missing(
    connection: "Connection[asyncpg.Record]", migrations: list[Migration]
) -> list[Migration]:
    """List the migrations that a database lacks; none where it keeps no list of them."""
    if not migrations or not await connection.fetchval(_HAS_MIGRATIONS):
        return []
    latest: int = await connection.fetchval(_LATEST_NUMBER)
    return [migration for migration in migrations if migration.number > latest]


async def apply_migration(connection: "Connection[asyncpg.Record]", migration: Migration) -> None:
    """Apply one migration, all of it or nothing.

    Raises:
        UnnumberedMigrationError: If it doesn't note its number.
        asyncpg.PostgresError: If it doesn't apply.
    """
    async with connection.transaction():
        await connection.execute(migration.file.read_text(encoding="utf-8"))
        if await find_missing(connection, [migration]):
            raise UnnumberedMigrationError(migration)
