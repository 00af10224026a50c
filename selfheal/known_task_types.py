"""Tells a task type that has no rows yet from one that was mistyped."""

import asyncpg

from selfheal.display.detail_reading import show_line
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.task_types import open_task_types
from services.optimizer.app.services.record.prompts import has_rows


async def require_task_type(
    connection: asyncpg.Connection, settings: Settings, name: str | None
) -> None:
    """Refuse a name that no prompt, no run and no directory has; None is no name.

    Raises:
        EmbeddedRuntimeError: If nothing has it.
    """
    if name is None or await has_rows(connection, name):
        return
    if name not in open_task_types(settings.task_types_dir).names():
        raise EmbeddedRuntimeError(
            f"There is no task type '{show_line(name, most=80)}'.",
            remedy="See them with: selfheal tasks list",
        )
