"""Tells a task type that has no rows yet from one that was mistyped."""

from typing import Final

import asyncpg

from selfheal.display.detail_reading import show_line
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.task_types import open_task_types

HAS_ROWS: Final = """
    SELECT EXISTS (SELECT 1 FROM prompts WHERE task_type = $1)
        OR EXISTS (SELECT 1 FROM selfheal.healing_runs WHERE task_type = $1)
"""


class UnknownTaskTypeError(EmbeddedRuntimeError):
    """No prompt, no run and no directory has a task type of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no task type '{show_line(name, most=80)}'.",
            remedy="See them with: selfheal tasks list",
        )


async def require_task_type(
    connection: asyncpg.Connection, settings: Settings, name: str | None
) -> None:
    """Refuse a name that nothing has; None is no name.

    Raises:
        UnknownTaskTypeError: If nothing has it.
    """
    if name is None:
        return
    has_rows = "\x00" not in name and await connection.fetchval(HAS_ROWS, name)
    if not has_rows and name not in open_task_types(settings.task_types_dir).names():
        raise UnknownTaskTypeError(name)
