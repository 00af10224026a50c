"""What the runtime asks of a running server: is it ready, and does it hold our schema."""

import hashlib
from dataclasses import dataclass, field
from urllib.parse import quote

import asyncpg

from selfheal.runtime.errors import PostgresError
from selfheal.runtime.schema.migrations import (
    LOCK_SCHEMA,
    Migration,
    UnnumberedMigrationError,
    apply_migration,
    find_missing,
)

SUPERUSER = "agent"
DATABASE = "agent_system"
_MAINTENANCE_DATABASE = "postgres"
_CONNECT_TIMEOUT_SECONDS = 2.0
_STATEMENT_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """How to reach the embedded server; the password stays out of `repr`."""

    host: str
    port: int
    password: str = field(repr=False)

    def url(self, database: str = DATABASE) -> str:
        """Return the connection URL, with the password in it."""
        password = quote(self.password, safe="")
        return f"postgresql://{SUPERUSER}:{password}@{self.host}:{self.port}/{database}"

    async def connect(self, database: str = DATABASE) -> "asyncpg.Connection[asyncpg.Record]":
        """Open a connection that ignores the operator's PG* variables."""
        return await asyncpg.connect(
            host=self.host,
            port=self.port,
            user=SUPERUSER,
            password=self.password,
            database=database,
            ssl=False,
            timeout=_CONNECT_TIMEOUT_SECONDS,
            command_timeout=_STATEMENT_TIMEOUT_SECONDS,
        )


async def answers(address: ServerAddress) -> bool:
    """Tell whether the server takes a connection with our password at this moment.

    Raises:
        PostgresError: If it refuses the password, which waiting won't change.
    """
    try:
        connection = await address.connect(_MAINTENANCE_DATABASE)
    except asyncpg.InvalidPasswordError as error:
        raise PostgresError(
            f"The PostgreSQL server on port {address.port} refuses the password that we keep "
            "for it.",
            remedy="Put the password file back, or run `selfheal reset` to begin with an empty "
            "database.",
        ) from error
    except asyncpg.TooManyConnectionsError:
        return True
    except (
        OSError,
        TimeoutError,
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,
    ):
        return False
    await connection.close(timeout=_CONNECT_TIMEOUT_SECONDS)
    return True


async def prepare_database(
    address: ServerAddress, schema: str, migrations: list[Migration]
) -> list[str]:
    """Create the database and apply the schema, or the migrations that it lacks.

    The schema and the note that it was applied (the database's comment, which also keeps the
    fingerprint of the text) are one transaction, and so is each migration: a start that dies
    half-way leaves nothing half. Others that prepare the same database wait.

    Args:
        address: The running server.
        schema: SQL that makes everything; it includes the migrations.
        migrations: All that there are, in order.

    Returns:
        Words for what was applied by this call.

    Raises:
        PostgresError: If something doesn't apply.
    """
    await _create_database(address)
    connection = await address.connect()
    try:
        await connection.execute(LOCK_SCHEMA)  # given back with the connection
        if await _read_note(connection) is None:
            await _apply_schema(connection, schema)
            return ["the database schema"]
        missing = await find_missing(connection, migrations)
        for migration in missing:
            await _migrate(connection, migration, schema)
        return [str(migration) for migration in missing]
    finally:
        await connection.close()


async def find_missing_migrations(
    address: ServerAddress, migrations: list[Migration]
) -> list[Migration]:
    """List the migrations that the next start applies."""
    connection = await address.connect()
    try:
        return await find_missing(connection, migrations)
    finally:
        await connection.close()


async def schema_is_current(address: ServerAddress, schema: str) -> bool:
    """Tell whether the database was made with, or brought up to, this very schema."""
    connection = await address.connect()
    try:
        note = await _read_note(connection)
    finally:
        await connection.close()
    return note == f"schema {fingerprint(schema)}"


def fingerprint(statements: str) -> str:
    """Return 16 hexadecimal digits that stand for the text of a schema."""
    return hashlib.sha256(statements.encode()).hexdigest()[:16]


async def _apply_schema(connection: "asyncpg.Connection[asyncpg.Record]", schema: str) -> None:
    try:
        async with connection.transaction():
            await connection.execute(schema)
            await _write_note(connection, schema)
    except asyncpg.PostgresError as error:
        raise PostgresError(
            f"The database schema doesn't apply: {error}.",
            remedy="Correct the schema file; the database is still empty.",
        ) from error


async def _migrate(
    connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration, schema: str
) -> None:
    """Apply a migration, and note the schema that the last one of them leads to."""
    try:
        async with connection.transaction():
            await apply_migration(connection, migration)
            await _write_note(connection, schema)
    except TimeoutError as error:
        raise PostgresError(
            f"The database's {migration} took longer than {_STATEMENT_TIMEOUT_SECONDS:g} s; "
            "nothing of it was kept.",
            remedy="Stop what uses the database (selfheal down), and start again.",
        ) from error
    except (asyncpg.PostgresError, UnnumberedMigrationError) as error:
        raise PostgresError(
            f"The database's {migration} doesn't apply: {error}.",
            remedy=f"The data are as they were. Correct {migration.file}, or go back to the "
            "version of this package that made the database.",
        ) from error


async def _create_database(address: ServerAddress) -> None:
    connection = await address.connect(_MAINTENANCE_DATABASE)
    try:
        query = "SELECT 1 FROM pg_database WHERE datname = $1"
        if await connection.fetchval(query, DATABASE) is None:
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()


async def _write_note(connection: "asyncpg.Connection[asyncpg.Record]", schema: str) -> None:
    note = f"schema {fingerprint(schema)}"
    await connection.execute(f"COMMENT ON DATABASE {DATABASE} IS '{note}'")


async def _read_note(connection: "asyncpg.Connection[asyncpg.Record]") -> str | None:
    note: str | None = await connection.fetchval(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1",
        DATABASE,
    )
    return note
