"""Asks the database for the command line: one connection, one question."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Final, TypeVar

import asyncpg

from selfheal.runtime.assembly import build_system
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.database import connect
from services.common.errors import DatabaseUnavailableError, ServiceError
from services.common.presentation.detail_reading import show_line
from services.common.record.people import acting
from services.common.record.prompts import has_rows
from services.common.task_types import open_task_types

START_REMEDY: Final = "Start the system with: selfheal up"

Answer = TypeVar("Answer")


def find_operator() -> str:
    """Name who types the commands, by their account on this machine."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # an account without a name
        return "cli"


def refuse_alone(settings: Settings, what: str) -> None:
    """Refuse a change that takes two people: the command line doesn't know who asks.

    Raises:
        EmbeddedRuntimeError: If REQUIRE_SECOND_PERSON is set.
    """
    if settings.require_second_person:
        raise EmbeddedRuntimeError(
            f"REQUIRE_SECOND_PERSON is set, and the command line can't tell who you are: {what}.",
            remedy="Ask in the console or by the admin API, which know; back to what served "
            "before, anyone goes alone: selfheal prompts undo RUN, selfheal prompts rollback",
        )


def start_remedy(settings: Settings) -> str:
    """Advise to start the system, but only where that helps: its database doesn't run."""
    return "" if build_system(settings).database.is_running() else START_REMEDY


def ask_database(
    settings: Settings,
    question: Callable[[asyncpg.Connection], Awaitable[Answer]],
    *,
    is_one_transaction: bool = True,
) -> Answer:
    """Connect to the system's database and put a question to it, or change something in it.

    Args:
        is_one_transaction: Whether it is, and the operator named in its audit; else the question
            opens its own.

    Raises:
        EmbeddedRuntimeError: If the database can't be reached or the question fails.
    """
    url = build_system(settings).credentials().database_url

    async def connect_and_ask() -> Answer:
        async with (
            connect(url, timeout_seconds=settings.database_timeout_seconds) as connection,
            acting(connection, find_operator()) if is_one_transaction else nullcontext(),
        ):
            return await question(connection)

    try:
        return asyncio.run(connect_and_ask())
    except ServiceError as error:
        remedy = start_remedy(settings) if isinstance(error, DatabaseUnavailableError) else ""
        raise EmbeddedRuntimeError(error.message, remedy=remedy) from error
    except asyncpg.DeadlockDetectedError as error:
        raise EmbeddedRuntimeError(
            "Another work was at the same rows, and one of the two had to give way.",
            remedy="Run the same command again.",
        ) from error
    except (asyncpg.UndefinedColumnError, asyncpg.UndefinedObjectError) as error:
        raise EmbeddedRuntimeError(
            f"The database's schema is another version's: {error}.",
            remedy="Bring it up to date with selfheal up (a server of your own with selfheal "
            "migrate); is it the newer one, update this package.",
        ) from error


def ask_about(
    name: str | None, question: Callable[[asyncpg.Connection], Awaitable[Answer]]
) -> Answer:
    """Put a question about a task type, None for all of them, to the system's database.

    Raises:
        EmbeddedRuntimeError: If no prompt, no run and no directory has that name, or the database
            can't be asked.
    """
    settings = Settings()

    async def ask(connection: asyncpg.Connection) -> Answer:
        is_known = name is None or await has_rows(connection, name)
        if not is_known and name not in open_task_types(settings.task_types_dir).names():
            raise EmbeddedRuntimeError(
                f"There is no task type '{show_line(name, most=80)}'.",
                remedy="See them with: selfheal tasks list",
            )
        return await question(connection)

    return ask_database(settings, ask)
