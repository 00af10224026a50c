"""Writes the rows of requests: into the database, or onto the spool where it is away."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg

from services.common.database import Database
from services.common.errors import DatabaseUnavailableError
from services.common.logging import get_logger
from services.manager.app.log.rows import (
    INSERT,
    INSERT_BEFORE_7,
    Row,
    encode_row,
    find_insert,
    insert_row,
)
from services.manager.app.log.spool.spool import Spool

log = get_logger()

# What is to be written in the transaction of a row.
Within = Callable[[asyncpg.Connection], Awaitable[None]]


class RowWriter:
    """The one writer of `execution_logs` and of what belongs to its rows.

    Args:
        spool: Where rows are kept while the database is away; None to refuse them then.
    """

    def __init__(self, database: Database, spool: Spool | None) -> None:
        self._database = database
        self._spool = spool
        # Looked up until the schema is this release's: migrations may be applied meanwhile.
        self._statement = INSERT_BEFORE_7

    async def write(self, row: Row, within: Within | None = None) -> None:
        """Write a row; once this returns, it isn't lost.

        Args:
            within: Writes something else in the same transaction; such a row is never spooled.

        Raises:
            DatabaseUnavailableError: If it could be neither committed nor spooled; the caller must
                not acknowledge the request then.
        """
        asked_at = datetime.now(UTC)
        try:
            await self._insert(row, within)
        except DatabaseUnavailableError as error:
            if self._spool is None or within is not None:
                raise
            # It may have been committed: then it doesn't land again.
            await self._spool.append(encode_row(replace(row, created_at=asked_at)))
            log.info("row_spooled", landing_id=str(row.landing_id), reason=error.message)

    async def _insert(self, row: Row, within: Within | None) -> None:
        async with self._database.connection() as connection:
            if self._statement is not INSERT:
                self._statement = await find_insert(connection)
            if within is None:
                await insert_row(connection, row, self._statement)
                return
            async with connection.transaction():
                await insert_row(connection, row, self._statement)
                await within(connection)
