"""What the runtime asks of a running server: whether it is ready and has our schema."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlencode

import asyncpg

from selfheal.runtime.errors import PostgresError
from selfheal.runtime.schema.exclusion import Connection
from selfheal.runtime.schema.migrations import update_schema
from selfheal.runtime.schema.roles import name_role, update_roles
from selfheal.runtime.waiting import Progress, silent
from services.common.database import close_connection, connection_arguments

SUPERUSER = "agent"
DATABASE = "agent_system"
_OPTIONS = {
    "sslmode": "disable",
    "sslnegotiation": "postgres",
    "gsslib": "gssapi",
    "target_session_attrs": "any",
}
_MAINTENANCE_DATABASE = "postgres"
_CONNECT_TIMEOUT_SECONDS = 2.0
_STATEMENT_TIMEOUT_SECONDS = 60.0

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """How to reach the embedded server, as one user; the password stays out of `repr`."""

    host: str
    port: int
    password: str = field(repr=False)
    user: str = SUPERUSER

    def url(self, database: str = DATABASE) -> str:
        """Return the connection URL, with the password in it.

        It leaves nothing out that libpq's variables, meant for other servers, could fill in.
        """
        password = quote(self.password, safe="")
        place = f"postgresql://{self.user}:{password}@{self.host}:{self.port}/{database}"
        return f"{place}?{urlencode(_OPTIONS)}"

    @property
    def client_variables(self) -> dict[str, str]:
        """The environment variables with which libpq's programs connect, the password included."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": DATABASE,
            "PGPASSWORD": self.password,
        }

    async def connect(self, database: str = DATABASE) -> "asyncpg.Connection[asyncpg.Record]":
        """Open a connection that ignores the operator's PG* variables."""
        return await asyncpg.connect(
            **connection_arguments(
                f"{self.url(database)}&application_name=selfheal-runtime",
                timeout_seconds=_CONNECT_TIMEOUT_SECONDS,
            )
            | {"command_timeout": _STATEMENT_TIMEOUT_SECONDS}
        )

    async def ask(
        self, question: Callable[[Connection], Awaitable[Answer]], database: str = DATABASE
    ) -> Answer:
        """Put a question to the server, over a connection of its own."""
        connection = await self.connect(database)
        try:
            return await question(connection)
        finally:
            await close_connection(connection, timeout_seconds=_CONNECT_TIMEOUT_SECONDS)


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
    await close_connection(connection, timeout_seconds=_CONNECT_TIMEOUT_SECONDS)
    return True


async def prepare_database(
    address: ServerAddress,
    schema: Path,
    passwords: Mapping[str, str],
    *,
    progress: Progress = silent,
) -> list[str]:
    """Create the database, and bring its schema and its users up to date.

    Args:
        passwords: Those of the services' users, by service.
        progress: Is told what takes long.

    Returns:
        Words for what was applied of the schema.

    Raises:
        PostgresError: If something doesn't apply.
    """
    await address.ask(_create_database, _MAINTENANCE_DATABASE)

    async def update(connection: Connection) -> list[str]:
        applied = await update_schema(connection, address.connect, schema, progress=progress)
        names = {service: name_role(DATABASE, service) for service in passwords}
        await update_roles(connection, schema, names, passwords)
        return applied

    return await address.ask(update)


async def _create_database(connection: Connection) -> None:
    query = "SELECT 1 FROM pg_database WHERE datname = $1"
    if await connection.fetchval(query, DATABASE) is None:
        await connection.execute(f"CREATE DATABASE {DATABASE}")
