"""Finds the way to the database: flags, the environment, the guide's defaults, Compose."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from grading.database.compose_psql import ComposeDatabase
from grading.database.driver import Address, DriverDatabase, NoWayInError
from grading.database.port import Database
from grading.errors import DatabaseUnavailableError
from grading.options import Options

DEFAULT_HOST: Final = "localhost"
DEFAULT_PORT: Final = 5432
MOST_PORT: Final = 65535
MOST_PORT_DIGITS: Final = 5
DEFAULT_USER: Final = "agent"
DEFAULT_NAME: Final = "agent_system"
DEFAULT_PASSWORD: Final = "agent"  # noqa: S105 - the guide's, for a database on loopback
SCHEME_OF_ASYNCPG: Final = "+asyncpg"


def choose_address(options: Options, environment: Mapping[str, str]) -> Address:
    """Choose the address: flags come before the environment, and that before the defaults.

    DATABASE_URL counts only where no flag names a part of the address.

    Raises:
        DatabaseUnavailableError: If PGPORT is no port.
    """
    flags = (
        options.db_host,
        options.db_port,
        options.db_user,
        options.db_name,
        options.db_password,
    )
    url = environment.get("DATABASE_URL", "").replace(SCHEME_OF_ASYNCPG, "", 1)
    named = any(flag is not None for flag in flags)
    return Address(
        host=options.db_host or environment.get("PGHOST") or DEFAULT_HOST,
        port=options.db_port or _read_port(environment.get("PGPORT", "")),
        user=options.db_user or environment.get("PGUSER") or DEFAULT_USER,
        name=options.db_name or environment.get("PGDATABASE") or DEFAULT_NAME,
        password=options.db_password or environment.get("PGPASSWORD") or DEFAULT_PASSWORD,
        url="" if named else url,
    )


def _read_port(text: str) -> int:
    """Read the port that PGPORT's value names; the default where it is empty."""
    is_port = text.isdecimal() and len(text) <= MOST_PORT_DIGITS and 0 < int(text) <= MOST_PORT
    if text and not is_port:
        raise DatabaseUnavailableError(
            f"PGPORT is no port from 1 to {MOST_PORT}.",
            remedy="Set it to the database's port, unset it, or give --db-port.",
        )
    return int(text) if text else DEFAULT_PORT


def connect(options: Options, environment: Mapping[str, str]) -> Database:
    """Open the database and see that it answers.

    Compose is the way where there is no driver, or where nothing listens at the address: a
    database whose port isn't published. A server that answers and refuses us is not gone round.

    Raises:
        DatabaseUnavailableError: If no way leads there.
    """
    address = choose_address(options, environment)
    try:
        return _checked(DriverDatabase(address))
    except NoWayInError:
        if shutil.which("docker") is None:
            raise
        with suppress(DatabaseUnavailableError):
            return _checked(ComposeDatabase(user=address.user, name=address.name))
        raise


def _checked(database: Database) -> Database:
    database.fetch_text("SELECT 1")
    return database
