"""Asks the database for the command line: one connection, one question."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import asyncpg

from selfheal.runtime.assembly import build_system, connection_environment
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.database import connect
from services.common.errors import DatabaseUnavailableError, ServiceError

START_REMEDY: Final = "Start the system with: selfheal up"

Answer = TypeVar("Answer")


def start_remedy(settings: Settings) -> str:
    """Advise to start the system, but only where that helps: its database doesn't run."""
    return "" if build_system(settings).database.is_running() else START_REMEDY


def ask_database(
    settings: Settings, question: Callable[[asyncpg.Connection], Awaitable[Answer]]
) -> Answer:
    """Connect to the system's database and put a question to it.

    Raises:
        EmbeddedRuntimeError: If the database can't be reached or the question fails.
    """
    url = connection_environment(settings)["DATABASE_URL"]

    async def connect_and_ask() -> Answer:
        async with connect(url, timeout_seconds=settings.database_timeout_seconds) as connection:
            return await question(connection)

    try:
        return asyncio.run(connect_and_ask())
    except ServiceError as error:
        remedy = start_remedy(settings) if isinstance(error, DatabaseUnavailableError) else ""
        raise EmbeddedRuntimeError(error.message, remedy=remedy) from error
    except (asyncpg.UndefinedColumnError, asyncpg.UndefinedObjectError) as error:
        raise EmbeddedRuntimeError(
            f"The database's schema is another version's: {error}.",
            remedy="Bring it up to date with selfheal up (a server of your own with selfheal "
            "migrate); is it the newer one, update this package.",
        ) from error
