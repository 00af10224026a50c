"""A database server of the operator's own: never started or stopped, upgraded where asked to."""

import asyncio
import os
import shlex
from collections.abc import Awaitable, Callable, Mapping
from itertools import cycle
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import unquote, urlsplit

import asyncpg

from selfheal.runtime.errors import PostgresError
from selfheal.runtime.schema.exclusion import Connection
from selfheal.runtime.schema.migrations import Open, read_schema_state, update_schema
from selfheal.runtime.schema.roles import update_own_roles
from selfheal.runtime.states import ProcessStatus, State
from selfheal.runtime.waiting import Interrupted, Progress, never, silent
from services.common.database import (
    CONNECTION_ERRORS,
    Opener,
    ServerTraits,
    choose_remedy,
    close_connection,
)
from services.common.database.condition import DatabaseLoad, load_database_load
from services.common.setting_checks import read_hosts, read_url_options

_TIMEOUT_SECONDS = 5.0
_UPGRADE_SECONDS = 600.0
_DEFAULT_PORT = 5432
# How libpq's variables are named that aren't named as its options are.
_IRREGULAR: Final = {
    "dbname": "PGDATABASE",
    "application_name": "PGAPPNAME",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}

Answer = TypeVar("Answer")


class ExternalDatabase:
    """The server that `DATABASE_URL` names.

    Args:
        database_url: Its URL, credentials included: never printed.
        service_urls: Those of services that have their own, by service; never printed either.
        direct_url: The one that leads past a pooler, if there is one; never printed either.
        schema: The schema that it should have; its migrations lie beside it.
    """

    name: Final = "postgres"
    exit_code: Final = None
    log_file: Final = Path(os.devnull)

    def __init__(
        self,
        database_url: str,
        *,
        schema: Path,
        service_urls: Mapping[str, str] | None = None,
        direct_url: str = "",
        progress: Progress = silent,
    ) -> None:
        self.database_url = database_url
        self.direct_url = direct_url
        self._progress = progress
        self.service_urls = dict(service_urls or {})
        self.schema = schema

    @property
    def address(self) -> str:
        """Host and port, without the credentials."""
        named = self.client_variables
        ports = cycle(named.get("PGPORT", "").split(","))
        hosts = named.get("PGHOST", "localhost").split(",")
        return ",".join(f"{host}:{next(ports) or _DEFAULT_PORT}" for host in hosts)

    @property
    def client_variables(self) -> dict[str, str]:
        """The environment variables with which psql connects: its command line shows no secret."""
        parts = urlsplit(self.database_url)
        hosts = read_hosts(self.database_url)
        ports = [port for _, port in hosts]
        place = {
            "host": ",".join(host for host, _ in hosts),
            "port": ",".join(ports) if any(ports) else "",
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "dbname": unquote(parts.path.lstrip("/")),
        }
        options = read_url_options(self.database_url)
        named = options | {name: value for name, value in place.items() if value}
        return {
            _IRREGULAR.get(name) or f"PG{name.replace('_', '').upper()}": value
            for name, value in named.items()
        }

    def start(
        self,
        *,
        interrupted: Interrupted = never,  # noqa: ARG002 - the same as the embedded one's
        progress: Progress = silent,  # noqa: ARG002
    ) -> bool:
        """Check that it answers, holds our tables, and lacks no migration.

        Raises:
            PostgresError: If it doesn't.
        """
        state = asyncio.run(self._ask(lambda one: read_schema_state(one, self.schema)))
        if not state.has_tables:
            raise PostgresError(
                f"The database at {self.address} has no table `prompts`.",
                remedy="Apply the schema once: selfheal migrate. Or by hand: "
                f"{_psql('-1', self.schema)}",
            )
        if state.missing:
            files = [migration.file for migration in state.missing]
            raise PostgresError(
                f"The database at {self.address} lacks {', '.join(map(str, state.missing))}.",
                remedy=f"Apply what is missing: selfheal migrate. Or by hand: {_psql('', *files)}",
            )
        return False

    def stop(self) -> bool:
        """Leave it alone: it isn't ours."""
        return False

    def destroy(self) -> None:
        """Leave it alone: its data aren't ours to remove."""

    def status(self) -> ProcessStatus:
        """Tell whether it can be used."""
        try:
            self.start()
        except PostgresError as error:
            return ProcessStatus(
                self.name, State.UNHEALTHY, address=self.address, detail=error.message
            )
        return ProcessStatus(
            self.name, State.RUNNING, address=self.address, detail="your own server (DATABASE_URL)"
        )

    def is_running(self) -> bool:
        """Return True: its operator watches it, and we don't."""
        return True

    def was_asked_to_stop(self) -> bool:
        """Return False: no command of ours stops it."""
        return False

    def read_access(self) -> tuple[ServerTraits, DatabaseLoad]:
        """Tell what the way there leads to, and how many of its connections are taken.

        Raises:
            PostgresError: If it can't be reached.
        """
        opener = Opener(self.database_url, timeout_seconds=_TIMEOUT_SECONDS)
        load = asyncio.run(self._ask(load_database_load, opener))
        assert opener.traits is not None  # noqa: S101 - it has opened a connection
        return opener.traits, load

    def upgrade(self, password_files: Mapping[str, Path] | None = None) -> list[str]:
        """Make the tables in an empty database, or apply the migrations that it lacks.

        Args:
            password_files: Where to keep passwords of services' users, by service; without one, a
                user isn't made.

        Returns:
            Words for what was applied; empty where the schema was current.

        Raises:
            PostgresError: If it can't be reached, something doesn't apply, or its tables belong to
                another system.
        """

        async def update(connection: Connection) -> list[str]:
            applied = await self._update(connection, opener.open)
            users = {
                service: unquote(name)
                for service, url in self.service_urls.items()
                if (name := urlsplit(url).username)
            }
            await update_own_roles(connection, self.schema, users, password_files or {})
            return applied

        opener = Opener(
            self.direct_url or self.database_url,
            timeout_seconds=_TIMEOUT_SECONDS,
            statement_seconds=_UPGRADE_SECONDS,
        )
        return asyncio.run(self._ask(update, opener))

    async def _update(self, connection: Connection, another: Open) -> list[str]:
        state = await read_schema_state(connection, self.schema)
        if state.has_tables and not state.has_list:
            raise PostgresError(
                "The database has a table `prompts`, but not of this system: it keeps no list of "
                "migrations.",
                remedy="Name another database in DATABASE_URL.",
            )
        return await update_schema(connection, another, self.schema, progress=self._progress)

    async def _ask(
        self, question: Callable[[Connection], Awaitable[Answer]], opener: Opener | None = None
    ) -> Answer:
        opener = opener or Opener(self.database_url, timeout_seconds=_TIMEOUT_SECONDS)
        try:
            connection = await opener.open()
            try:
                return await question(connection)
            finally:
                await close_connection(connection, timeout_seconds=_TIMEOUT_SECONDS)
        except (*CONNECTION_ERRORS, ValueError, asyncpg.PostgresError) as error:
            reason = str(error) or type(error).__name__
            raise PostgresError(
                f"Can't connect to the database at {self.address}: {reason}.",
                remedy=f"{choose_remedy(error)} Without DATABASE_URL the embedded one is used.",
            ) from error


def _psql(options: str, *files: Path) -> str:
    """Return the command that applies SQL files to that database, up to the first error.

    Migrations say themselves what is one transaction, so that `-1` must not be around them.
    """
    named = " ".join([*options.split(), *(f"-f {shlex.quote(_name(file))}" for file in files)])
    return f'psql "$DATABASE_URL" -v ON_ERROR_STOP=1 {named}'


def _name(file: Path) -> str:
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
