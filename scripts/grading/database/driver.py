"""The database through asyncpg, a statement at a time."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from grading.errors import DatabaseStatementError, DatabaseUnavailableError

CONNECT_TIMEOUT_SECONDS = 10.0
STATEMENT_TIMEOUT_SECONDS = 60.0


class NoWayInError(DatabaseUnavailableError):
    """There is no driver, or no server at the address; another way in may be tried."""


@dataclass(frozen=True, slots=True)
class Address:
    """Address of the database; the password stays out of `repr`.

    Attributes:
        url: A whole connection URL, which goes before the rest; empty for none.
    """

    host: str
    port: int
    user: str
    name: str
    password: str = field(repr=False)
    url: str = field(default="", repr=False)

    @property
    def description(self) -> str:
        """Describe the address for the report, without the password."""
        if self.url:
            return "DATABASE_URL"
        return f"{self.user}@{self.host}:{self.port}/{self.name}"


class DriverDatabase:
    """A connection that is kept while it lives."""

    def __init__(self, address: Address) -> None:
        try:
            import asyncpg  # noqa: PLC0415 - so that its absence is told in a sentence
        except ImportError as error:
            raise NoWayInError(
                "The database's driver, asyncpg, isn't installed.",
                remedy="Install it: python -m pip install -r scripts/requirements.txt",
            ) from error
        self._driver: Any = asyncpg
        self._address = address
        self._runner = asyncio.Runner()
        self._connection: Any = None

    @property
    def description(self) -> str:
        """Describe the database for the report, without the password."""
        return self._address.description

    def execute(self, script: str) -> None:
        """Run statements, all of them or none."""
        self._call("execute", script)

    def fetch_text(self, query: str) -> str:
        """Run a query of one row and one column, and return its text."""
        return str(self._call("fetchval", query))

    def close(self) -> None:
        """Close the connection, if there is one."""
        self._drop_connection()
        self._runner.close()

    def _drop_connection(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            self._connection.terminate()
        self._connection = None

    def _call(self, method: str, sql: str) -> Any:
        try:
            return self._runner.run(self._ask(method, sql))
        except KeyboardInterrupt:
            # In the middle of a statement: what comes next needs a connection of its own.
            self._drop_connection()
            raise

    async def _ask(self, method: str, sql: str) -> Any:
        driver = self._driver
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._connect()
            return await getattr(self._connection, method)(sql, timeout=STATEMENT_TIMEOUT_SECONDS)
        except (
            driver.InvalidAuthorizationSpecificationError,
            driver.InvalidCatalogNameError,
        ) as error:
            raise DatabaseUnavailableError(
                f"The database at {self.description} refuses us: {error}.",
                remedy="Give the right --db-user, --db-password and --db-name.",
            ) from error
        except (
            OSError,
            TimeoutError,
            driver.PostgresConnectionError,
            driver.CannotConnectNowError,
        ) as error:
            raise NoWayInError(
                f"No database answers at {self.description}: {error or type(error).__name__}.",
                remedy="Start it (docker compose up -d postgres), or name it with --db-host and "
                "--db-port.",
            ) from error
        except (
            driver.PostgresError,
            driver.InterfaceError,
            driver.InternalClientError,
        ) as error:
            raise DatabaseStatementError(
                f"The database refuses a statement: {error}.",
                remedy="Compare its tables with the guide's schema.",
            ) from error

    async def _connect(self) -> Any:
        address = self._address
        place = (
            {"dsn": address.url}
            if address.url
            else {
                "host": address.host,
                "port": address.port,
                "user": address.user,
                "password": address.password,
                "database": address.name,
            }
        )
        try:
            return await self._driver.connect(**place, timeout=CONNECT_TIMEOUT_SECONDS)
        except (ValueError, OverflowError) as error:
            # Which part it is stays unsaid: where a URL is garbled, that may be the password.
            raise DatabaseUnavailableError(
                f"{self.description} is no address of a PostgreSQL database.",
                remedy="Write it as postgresql://user:password@host:5432/name, what is neither a "
                "letter nor a digit in the password percent-encoded, or give --db-host, --db-port, "
                "--db-user and --db-name; look at PGSSLMODE too.",
            ) from error
