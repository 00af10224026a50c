"""Writes `execution_logs`: one row a request, kept before the answer leaves."""

from services.manager.app.log.rows import Execution, Row
from services.manager.app.log.writer import RowWriter, Within


class ExecutionLogWriter:
    """The log, as the guide's route writes it."""

    def __init__(self, rows: RowWriter) -> None:
        self._rows = rows

    async def write(self, execution: Execution, within: Within | None = None) -> None:
        """Write a row, and `within` in the same transaction.

        Raises:
            DatabaseUnavailableError: If the row could not be kept; the caller must not
                acknowledge the request then.
        """
        await self._rows.write(Row(execution), within)
