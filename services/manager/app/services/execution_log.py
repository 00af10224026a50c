"""Writes `execution_logs`: one row a request, committed before the answer leaves."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any
from uuid import UUID

import asyncpg

from services.common.database import Database


@dataclass(slots=True)
class Execution:
    """What is known of a request so far, by column; a step that wasn't reached leaves None.

    `evaluation_score` is in [0, 1]; None means unscored, which is not zero.
    """

    request_id: UUID
    task_type: str
    user_input: str
    refined_input: str
    prompt_version: int | None = None
    worker_output: str | None = None
    worker_latency_ms: int | None = None
    evaluation_score: float | None = None
    evaluation_passed: bool | None = None
    evaluation_detail: dict[str, Any] | None = None
    error_message: str | None = None


_COLUMNS = [column.name for column in fields(Execution)]
EXECUTION_COLUMNS = ", ".join(_COLUMNS)
# Not `dataclasses.astuple`, which copies every value, deeply.
read_columns = attrgetter(*_COLUMNS)
_VALUES = ", ".join(f"${number}" for number, _ in enumerate(_COLUMNS, 1))
INSERT_EXECUTION = f"INSERT INTO execution_logs ({EXECUTION_COLUMNS}) VALUES ({_VALUES})"

# Does its part in the transaction of a row.
Within = Callable[[asyncpg.Connection], Awaitable[None]]


class ExecutionLogWriter:
    """The one writer of `execution_logs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, execution: Execution, within: Within | None = None) -> None:
        """Insert a row and commit it, with what `within` does.

        Raises:
            DatabaseUnavailableError: If the row could not be committed; the caller must not
                acknowledge the request then.
        """
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(INSERT_EXECUTION, *read_columns(execution))
            if within is not None:
                await within(connection)
