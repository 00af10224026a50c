"""A database server of the operator's own: looked at, never started, stopped or changed."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg

from selfheal.runtime.errors import PostgresError
from selfheal.runtime.states import ProcessStatus, State
from selfheal.runtime.waiting import never, silent

_TIMEOUT_SECONDS = 5.0
_DEFAULT_PORT = 5432


class ExternalDatabase:
    """The server that `DATABASE_URL` names.

    Args:
        database_url: Its URL, credentials included: never printed.
    """

    name: Final = "postgres"
    exit_code: Final = None
    log_file: Final = Path(os.devnull)

    def __init__(self, database_url: str) -> None:
        self.database_url = database_url

    @property
    def address(self) -> str:
        """Host and port, without the credentials."""
        parts = urlsplit(self.database_url)
        return f"{parts.hostname or 'localhost'}:{parts.port or _DEFAULT_PORT}"

    @property
    def client_variables(self) -> dict[str, str]:
        """The variables that let psql in, so that no credential is on its command line."""
        parts = urlsplit(self.database_url)
        variables = {
            "PGHOST": parts.hostname,
            "PGPORT": str(parts.port or _DEFAULT_PORT),
            "PGUSER": unquote(parts.username or ""),
            "PGPASSWORD": unquote(parts.password or ""),
            "PGDATABASE": unquote(parts.path.lstrip("/")),
            "PGSSLMODE": dict(parse_qsl(parts.query)).get("sslmode"),
        }
        return {name: value for name, value in variables.items() if value}

    def start(
        self,
        *,
        interrupted: Callable[[], bool] = never,  # noqa: ARG002 - the same as the embedded one's
        progress: Callable[[str], None] = silent,  # noqa: ARG002
    ) -> bool:
        """Check that it answers and holds our tables.

        Raises:
            PostgresError: If it doesn't.
        """
        if not asyncio.run(self._has_tables()):
            raise PostgresError(
                f"The database at {self.address} has no table `prompts`.",
                remedy='Apply the schema once: psql "$DATABASE_URL" -1 -f db/schema.sql',
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
        """Take it to run: watching it is its operator's business."""
        return True

    def was_asked_to_stop(self) -> bool:
        """Never: nobody stops it here."""
        return False

    async def _has_tables(self) -> bool:
        try:
            connection = await asyncpg.connect(self.database_url, timeout=_TIMEOUT_SECONDS)
        except (OSError, TimeoutError, ValueError, asyncpg.PostgresError) as error:
            reason = str(error) or type(error).__name__
            raise PostgresError(
                f"Can't connect to the database at {self.address}: {reason}.",
                remedy="Mend DATABASE_URL, or unset it to use the embedded database.",
            ) from error
        try:
            query = "SELECT to_regclass('prompts') IS NOT NULL"
            found: bool = await connection.fetchval(query, timeout=_TIMEOUT_SECONDS)
        finally:
            await connection.close(timeout=_TIMEOUT_SECONDS)
        return found
