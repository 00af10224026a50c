"""Connections to PostgreSQL: a pool for the services, errors translated once."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast
from urllib.parse import urlencode

import asyncpg

from services.common.errors import DatabaseUnavailableError
from services.common.logging import get_logger
from services.common.setting_checks import read_hosts, read_url_options
from services.common.text import make_storable

log = get_logger()

APPLICATION_NAME = "selfheal"
MAX_CONNECTIONS = 10
# Of a connection that the server ended, the event loop reads the error in one turn and the end in
# the next; asyncio takes a turn more than uvloop to tell asyncpg.
TURNS_TO_READ_AN_END = 4
# Locks are held by sessions: the server is to notice within a minute that a host is gone.
KEEP_ALIVE = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}

# What a query may raise when the server is gone, restarting, full, slow, or not ours to use.
CONNECTION_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # raised where a server dies during a query
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,
)


# What to do about an error, by the first kind that fits.
_REMEDIES: dict[type[Exception], str] = {
    asyncpg.InvalidAuthorizationSpecificationError: "Check the user and the password in "
    "DATABASE_URL; a database keeps the password that it was made with.",
    asyncpg.InsufficientPrivilegeError: "Give the user of DATABASE_URL the rights to its tables.",
    asyncpg.InvalidCatalogNameError: "Check the database's name in DATABASE_URL.",
    asyncpg.UndefinedTableError: "Check DATABASE_URL, or make the tables with: selfheal migrate",
    asyncpg.InsufficientResourcesError: "Give DATABASE_URL's server connections, memory or disk.",
    asyncpg.ReadOnlySQLTransactionError: "Name the server that takes writes in DATABASE_URL.",
    ValueError: "Correct DATABASE_URL, or the PG* variables that fill in what it leaves out.",
    Exception: "Check that PostgreSQL runs and that DATABASE_URL points to it.",
}


def choose_remedy(error: Exception) -> str:
    """Say what to do about a database that can't be used."""
    return next(remedy for kind, remedy in _REMEDIES.items() if isinstance(error, kind))


def encode_json(value: Any) -> str:
    """Write JSON that JSONB takes: NUL and lone surrogates are replaced.

    Raises:
        ValueError: If it holds NaN or an infinity.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    if "\\u0000" not in text:
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    return json.dumps(make_storable(value), allow_nan=False, ensure_ascii=False)


def decode_json(text: str) -> Any:
    """Read JSON; an integer that is too long for Python to read stays the text that it is."""
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(text, parse_int=_read_integer)


def _read_integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= sys.int_info.default_max_str_digits else digits


async def configure_connection(connection: asyncpg.Connection) -> None:
    """Let JSONB columns take and give plain Python values."""
    await connection.set_type_codec(
        "jsonb", encoder=encode_json, decoder=decode_json, schema="pg_catalog"
    )


@contextmanager
def translate_database_errors() -> Iterator[None]:
    """Turn what a vanished server raises into `DatabaseUnavailableError`."""
    try:
        yield
    except CONNECTION_ERRORS as error:
        raise DatabaseUnavailableError(
            f"The database can't be used ({type(error).__name__}). {choose_remedy(error)}"
        ) from error


def connection_arguments(url: str, *, timeout_seconds: float) -> dict[str, Any]:
    """Split a URL into the arguments of asyncpg, which reads libpq's variables for what it lacks.

    Raises:
        ValueError: If the URL makes no sense.
    """
    options = {"application_name": APPLICATION_NAME, **read_url_options(url)}
    own_timeout = int(options.pop("connect_timeout", 0))
    arguments: dict[str, Any] = {
        "dsn": f"{url.partition('?')[0]}?{urlencode(options)}",
        "timeout": own_timeout or timeout_seconds,
        "command_timeout": timeout_seconds,
    }
    hosts = read_hosts(url)
    if hosts and all(host and port for host, port in hosts):
        # Named apart: to parse them out of a URL, asyncpg needs a PGPORT that makes sense.
        arguments["host"] = [host for host, _ in hosts]
        arguments["port"] = [int(port) for _, port in hosts]
    return arguments


@asynccontextmanager
async def connect(url: str, *, timeout_seconds: float) -> AsyncIterator[asyncpg.Connection]:
    """Open one connection, for programs that run and exit; its errors are translated.

    Raises:
        DatabaseUnavailableError: If there is none to be had, or it breaks in use.
    """
    with translate_database_errors():
        connection = await asyncpg.connect(
            **connection_arguments(url, timeout_seconds=timeout_seconds),
            server_settings=KEEP_ALIVE,
        )
        try:
            await configure_connection(connection)
            yield connection
        finally:
            await connection.close(timeout=timeout_seconds)


class Database:
    """A pool that opens no connection before the first query, and replaces those that were lost.

    Each connection prepares a statement once, by asyncpg's statement cache.
    """

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._pool: asyncpg.Pool | None = None
        self._told = ""

    async def open(self) -> None:
        """Create the pool; a server that is down is no error yet.

        Raises:
            DatabaseUnavailableError: If the URL makes no sense.
        """
        with translate_database_errors():
            self._pool = await asyncpg.create_pool(
                **connection_arguments(self._url, timeout_seconds=self._timeout_seconds),
                min_size=0,
                max_size=MAX_CONNECTIONS,
                init=configure_connection,
                reset=_keep_session,
            )

    async def close(self) -> None:
        """Close all connections, busy ones after the timeout."""
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), self._timeout_seconds)
            except TimeoutError:
                self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection of the pool; one that the server has ended is replaced first.

        Raises:
            DatabaseUnavailableError: If there is none to be had, or it breaks in use.
        """
        if self._pool is None:
            raise DatabaseUnavailableError("The database pool is not open.")
        for _ in range(TURNS_TO_READ_AN_END):
            await asyncio.sleep(0)
        with translate_database_errors():
            async with self._pool.acquire(timeout=self._timeout_seconds) as connection:
                # A proxy, which does all that a connection does.
                yield cast(asyncpg.Connection, connection)

    async def find_obstacle(self) -> str:
        """Say why the server doesn't answer, or that the schema isn't there; empty where all is."""
        try:
            async with self.connection() as connection:
                await connection.fetchval("SELECT 1 FROM prompts LIMIT 1")
        except DatabaseUnavailableError as error:
            if error.message != self._told:
                log.warning("database_not_ready", message=error.message)
            self._told = error.message
            return error.message
        self._told = ""
        return ""


async def _keep_session(_connection: asyncpg.Connection) -> None:
    """Do nothing in place of asyncpg's reset, a round trip: no code of ours changes the session."""
