"""Lands what was spooled, once the database is there: the oldest first, and each row once."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import asyncpg

from services.common.database import Database
from services.common.errors import DatabaseUnavailableError
from services.common.logging import get_logger, name_error
from services.common.resilience.background import Background
from services.manager.app.log.rows import Row, decode_row, insert_rows
from services.manager.app.log.spool.framing import Found, frame, read_frames
from services.manager.app.log.spool.segment import claim, sync_directory
from services.manager.app.log.spool.spool import Spool
from services.manager.app.log.spool.state import DAMAGED, REFUSED, list_segments

LOOK_SECONDS: Final = 1.0
# Of a transaction: it may hold as much as a segment.
TIMEOUT_SECONDS: Final = 60.0
# It is the row that can't be inserted, today or ever; asyncpg raises the first itself, too.
REFUSALS: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)

log = get_logger()


class Lander(Background):
    """Lands what lies in a spool, its own and what processes left that are gone.

    Args:
        tell_landed: Told how many rows have landed, however often each was tried.
    """

    def __init__(
        self, database: Database, spool: Spool, tell_landed: Callable[[int], object]
    ) -> None:
        self._database = database
        self._spool = spool
        self._tell_landed = tell_landed

    async def land(self) -> None:
        """Land what there is.

        Raises:
            DatabaseUnavailableError: If the database goes away meanwhile.
        """
        if not list_segments(self._spool.directory) or await self._database.find_obstacle():
            return
        await self._spool.release()
        for path, _ in list_segments(self._spool.directory):
            begun = time.monotonic()
            await self._land_segment(path)
            # As long as that took, the database is there for others alone.
            await asyncio.sleep(time.monotonic() - begun)

    async def _run(self) -> None:
        while True:
            try:
                await self.land()
            except DatabaseUnavailableError as error:
                log.warning("landing_put_off", message=error.message)
            except (OSError, asyncpg.PostgresError) as error:
                log.error("landing_failed", **name_error(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _land_segment(self, path: Path) -> None:
        with claim(path) as stored:
            if stored is None:
                return
            found = read_frames(stored)
            _tell_damage(path, found)
            rows, refused = _decode(found.records)
            is_done = True
            try:
                await self._insert(list(rows.values()))
            except (DatabaseUnavailableError, asyncpg.PostgresError) as error:
                if not isinstance(error, REFUSALS) and await self._database.find_obstacle():
                    raise
                is_done = await self._insert_each(rows, refused)
            if is_done:
                await asyncio.to_thread(_put_away, path, refused, is_damaged=bool(found.damaged))
                log.info("spool_landed", segment=path.name, records=len(found.records))

    async def _insert(self, rows: Sequence[Row]) -> None:
        async with self._database.connection() as connection, connection.transaction():
            await insert_rows(connection, rows, timeout_seconds=TIMEOUT_SECONDS)
        self._tell_landed(len(rows))

    async def _insert_each(self, rows: Mapping[bytes, Row], refused: list[bytes]) -> bool:
        """Insert one row after the other, so that none keeps another from landing.

        Returns:
            Whether each has landed or is refused for good.
        """
        is_done = True
        for record, row in rows.items():
            try:
                await self._insert([row])
            except (DatabaseUnavailableError, asyncpg.PostgresError) as error:
                reason = {"landing_id": str(row.landing_id), "error": type(error).__name__}
                if isinstance(error, REFUSALS):
                    refused.append(record)
                    log.error("spooled_row_refused", **reason)
                elif await self._database.find_obstacle():
                    raise
                else:
                    is_done = False
                    log.error("spooled_row_put_off", **reason)
        return is_done


def _decode(records: Sequence[bytes]) -> tuple[dict[bytes, Row], list[bytes]]:
    """Read the rows, by their records, and list the records that are no rows here."""
    rows, refused = {}, []
    for record in records:
        try:
            rows[record] = decode_row(record)
        except (ValueError, TypeError, KeyError) as error:
            refused.append(record)
            log.error("spooled_row_refused", **name_error(error))
    return rows, refused


def _tell_damage(path: Path, found: Found) -> None:
    if found.damaged:
        log.error("spool_damaged", segment=path.name, damaged=found.damaged)
    if found.is_torn:
        # Its process ended while it wrote it: nobody was told that it is kept.
        log.warning("spool_torn", segment=path.name)


def _put_away(path: Path, refused: Sequence[bytes], *, is_damaged: bool) -> None:
    """Remove a segment that has landed, but for what a person should look at."""
    if refused:
        descriptor = os.open(
            path.with_suffix(REFUSED), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600
        )
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(map(frame, refused))
            file.flush()
            os.fsync(file.fileno())
    if is_damaged:
        path.rename(path.with_suffix(DAMAGED))
    else:
        sync_directory(path.parent)
        path.unlink()
    sync_directory(path.parent)
