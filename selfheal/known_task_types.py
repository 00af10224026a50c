"""Tells a task type that has no rows yet from one that was mistyped."""

from collections.abc import Awaitable, Callable

import asyncpg

from selfheal.display.detail_reading import show_line
from selfheal.operator_database import Answer, ask_database
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.task_types import open_task_types
from services.optimizer.app.services.record.prompts import has_rows


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
