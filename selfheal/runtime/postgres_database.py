"""What the runtime asks of a running server: is it ready, and does it hold our schema."""

import hashlib
from dataclasses import dataclass, field
from urllib.parse import quote

import asyncpg

from selfheal.runtime.errors import PostgresError

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


async def prepare_database(address: ServerAddress, schema: str) -> bool:
    """Create the database and apply the schema, unless both were done before.

    The schema and the note that it was applied (the database's comment, which also keeps the
    fingerprint of the text) are one transaction, so a start that dies half-way leaves neither.

    Returns:
        Whether the schema was applied by this call.

    Raises:
        PostgresError: If the schema doesn't apply.
    """
    await _create_database(address)
    connection = await address.connect()
    try:
        if await _read_note(connection) is not None:
            return False
        async with connection.transaction():
            await connection.execute(schema)
            note = f"schema {fingerprint(schema)}"
            await connection.execute(f"COMMENT ON DATABASE {DATABASE} IS '{note}'")
    except asyncpg.PostgresError as error:
        raise PostgresError(
            f"The database schema doesn't apply: {error}.",
            remedy="Mend the schema file; the database is still empty.",
        ) from error
    finally:
        await connection.close()
    return True


async def schema_is_current(address: ServerAddress, schema: str) -> bool:
    """Tell whether the database was made with this very schema."""
    connection = await address.connect()
    try:
        note = await _read_note(connection)
    finally:
        await connection.close()
    return note == f"schema {fingerprint(schema)}"


def fingerprint(statements: str) -> str:
    """Return 16 hexadecimal digits that stand for the text of a schema."""
    return hashlib.sha256(statements.encode()).hexdigest()[:16]


async def _create_database(address: ServerAddress) -> None:
    connection = await address.connect(_MAINTENANCE_DATABASE)
    try:
        query = "SELECT 1 FROM pg_database WHERE datname = $1"
        if await connection.fetchval(query, DATABASE) is None:
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()


async def _read_note(connection: "asyncpg.Connection[asyncpg.Record]") -> str | None:
    note: str | None = await connection.fetchval(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1",
        DATABASE,
    )
    return note
