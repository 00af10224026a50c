"""Takes records in and gives them back: many that come at once share one `fsync`."""

import asyncio
from pathlib import Path
from typing import Final

from services.common.errors import DatabaseUnavailableError
from services.common.logging import get_logger
from services.manager.app.log.spool.framing import frame
from services.manager.app.log.spool.segment import Segment
from services.manager.app.log.spool.state import list_segments

# As much as lands in one transaction, but for a larger record.
SEGMENT_BYTES: Final = 1 << 20
PROBE_BYTES: Final = 1 << 16

log = get_logger()


class SpoolUnavailableError(DatabaseUnavailableError):
    """The database is away, and the row can't be spooled either: nothing is acknowledged."""

    code = "spool_unavailable"


class Spool:
    """A spool; several processes may have theirs in one directory.

    Args:
        directory: Made where it isn't there.
        max_bytes: Of all segments in it together, nearly: processes look at one another's when
            they begin a segment.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self.directory = directory
        self._max_bytes = max_bytes
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._files = asyncio.Lock()
        self._segment: Segment | None = None
        self._others_bytes = 0

    async def append(self, record: bytes) -> None:
        """Keep a record, which holds no line break; it is on disk when this returns.

        Raises:
            SpoolUnavailableError: If there is no room, or it can't be written.
        """
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((frame(record), written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_what_waits())
        await written

    async def release(self) -> None:
        """Close the segment that is being written, so that it can land."""
        async with self._files:
            await asyncio.to_thread(self._close_segment)

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._writing is not None:
            await self._writing
        await self.release()

    async def find_obstacle(self) -> str:
        """Say why nothing can be kept now; empty where something can."""
        return await asyncio.to_thread(self._try)

    async def _write_what_waits(self) -> None:
        while self._waiting:
            async with self._files:
                taken = self._take()
                failure: SpoolUnavailableError | None = SpoolUnavailableError("It isn't written.")
                try:
                    await asyncio.to_thread(self._write, b"".join(framed for framed, _ in taken))
                    failure = None
                except (OSError, SpoolUnavailableError) as error:
                    failure = self._translate(error)
                    log.error("spool_not_written", message=failure.message)
                finally:
                    _tell([written for _, written in taken], failure)

    def _take(self) -> list[tuple[bytes, asyncio.Future[None]]]:
        """Take as many as fit into a segment, at least one."""
        size_bytes = count = 0
        for framed, _ in self._waiting:
            size_bytes += len(framed)
            if count and size_bytes > SEGMENT_BYTES:
                break
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def _write(self, content: bytes) -> None:
        if self._segment is None or self._segment.size_bytes >= SEGMENT_BYTES:
            self._close_segment()
            self._others_bytes = self._measure()
            self._require_room(self._others_bytes + len(content))
            self._segment = Segment.create(self.directory)
        try:
            self._require_room(self._others_bytes + self._segment.size_bytes + len(content))
            self._segment.append(content)
        except (OSError, SpoolUnavailableError):
            # The next begins another, and sees what has landed meanwhile.
            self._close_segment()
            raise

    def _close_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _measure(self) -> int:
        return sum(size_bytes for _, size_bytes in list_segments(self.directory))

    def _require_room(self, wanted_bytes: int) -> None:
        if wanted_bytes > self._max_bytes:
            raise SpoolUnavailableError(
                f"The database is away, and the spool in {self.directory} is full: more than "
                f"{self._max_bytes} bytes (SPOOL_MAX_BYTES)."
            )

    def _try(self) -> str:
        """Write as one would, and leave nothing."""
        try:
            self._require_room(self._measure() + PROBE_BYTES)
            probe = Segment.create(self.directory)
            try:
                probe.append(bytes(PROBE_BYTES))
            finally:
                probe.discard()
        except (OSError, SpoolUnavailableError) as error:
            return self._translate(error).message
        return ""

    def _translate(self, error: OSError | SpoolUnavailableError) -> SpoolUnavailableError:
        if isinstance(error, SpoolUnavailableError):
            return error
        return SpoolUnavailableError(
            f"The database is away, and the spool in {self.directory} can't be written "
            f"({error.strerror or type(error).__name__})."
        )


def _tell(waiting: list[asyncio.Future[None]], failure: SpoolUnavailableError | None) -> None:
    for written in waiting:
        if written.done():  # its caller is gone
            continue
        if failure is None:
            written.set_result(None)
        else:
            # One for each, since what raises it writes into it.
            written.set_exception(SpoolUnavailableError(failure.message))
