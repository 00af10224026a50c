"""The spool beside SQLite: records a second that are on disk for good, and the CPU of each.

Both write what many callers bring at once together: the spool with one `fsync`, SQLite in one
transaction of a write-ahead log (`synchronous = FULL`, which syncs it as well). What damage costs
is told for both: a byte in the middle of the file is another.

examples:
  python -m benchmarks.decisions.spool
  python -m benchmarks.decisions.spool --records 20000 --directory /var/tmp
"""

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from services.manager.app.log.rows import Execution, Row, encode_row
from services.manager.app.log.spool.spool import Spool
from services.manager.app.log.spool.state import list_segments, measure

CALLERS = (1, 20, 200)
MAX_BYTES = 1 << 34
ANSWER_CHARACTERS = 1500
INSERT = "INSERT INTO records (content) VALUES (?)"

Append = Callable[[bytes], Awaitable[None]]


class SqliteSpool:
    """A spool in SQLite, with what waits committed together."""

    def __init__(self, path: Path, *, wal_autocheckpoint: int = 1000) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(f"PRAGMA wal_autocheckpoint = {wal_autocheckpoint}")
        self._connection.execute("CREATE TABLE records (id INTEGER PRIMARY KEY, content BLOB)")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    def checkpoint(self) -> None:
        """Bring what is in the log into the database, as SQLite does now and then."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def append(self, record: bytes) -> None:
        """Keep a record."""
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((record, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_what_waits())
        await written

    async def _write_what_waits(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            await asyncio.to_thread(self._write, [(record,) for record, _ in taken])
            for _, written in taken:
                written.set_result(None)

    def _write(self, records: list[tuple[bytes]]) -> None:
        self._connection.execute("BEGIN")
        self._connection.executemany(INSERT, records)
        self._connection.execute("COMMIT")


async def run(append: Append, *, records: int, callers: int) -> tuple[float, float]:
    """Append, and return records a second and microseconds of CPU for each."""
    rows = [
        Row(
            Execution(
                uuid4(), "code_generation", "Sort a list", "Sort a list", 1, "x" * ANSWER_CHARACTERS
            )
        )
        for _ in range(100)
    ]
    left = iter(range(records))

    async def call() -> None:
        for number in left:
            await append(encode_row(rows[number % len(rows)]))

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(call() for _ in range(callers)))
    seconds = time.perf_counter() - begun
    return records / seconds, (time.process_time() - cpu) / records * 1e6


def damage(path: Path) -> None:
    """Make a byte in the middle of a file another."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def count_after_damage(directory: Path, records: int) -> dict[str, str]:
    """Write with both, damage a byte in the middle of a file, and count what is read as it was."""
    spool = Spool(directory / "damaged", max_bytes=MAX_BYTES)
    asyncio.run(run(spool.append, records=records, callers=20))
    [(segment, _), *_] = list_segments(spool.directory)
    damage(segment)
    told = {"spool": f"{measure(spool.directory).records} of {records}"}
    for name, suffix in (("SQLite's log", "-wal"), ("SQLite's database", "")):
        written = SqliteSpool(directory / f"original{suffix}", wal_autocheckpoint=0)
        asyncio.run(run(written.append, records=records, callers=20))
        if not suffix:
            written.checkpoint()
        original, copy = (directory / f"{which}{suffix}" for which in ("original", "copy"))
        for part in ("", "-wal"):
            source = original.with_name(original.name + part)
            copy.with_name(copy.name + part).write_bytes(source.read_bytes())
        damage(copy.with_name(copy.name + suffix))
        told[name] = f"{compare(copy, directory / f'original{suffix}')} of {records}"
    return told


def compare(path: Path, original: Path) -> str:
    """Count the records that are there and as they were, and those that are given changed."""
    try:
        found, written = read_all(path), read_all(original)
    except sqlite3.DatabaseError as error:
        return f"none ({error})"
    intact = sum(written[number] == content for number, content in found.items())
    return f"{intact} intact and {len(found) - intact} changed"


def read_all(path: Path) -> dict[int, bytes]:
    """Read all records by their numbers."""
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT id, content FROM records").fetchall())


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decisions.spool",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--records", type=int, default=4000)
    parser.add_argument("--directory", type=Path, help="on the disk to measure")
    options = parser.parse_args(arguments)
    table = Table(title=f"{options.records} records of {ANSWER_CHARACTERS} characters and more")
    for column in ("callers", "spool", "CPU each", "SQLite", "CPU each"):
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory(prefix="selfheal-spool-", dir=options.directory) as directory:
        for callers in CALLERS:
            place = Path(directory) / str(callers)
            spool = Spool(place, max_bytes=MAX_BYTES)
            ours = asyncio.run(run(spool.append, records=options.records, callers=callers))
            sqlite = SqliteSpool(place / "spool.sqlite")
            theirs = asyncio.run(run(sqlite.append, records=options.records, callers=callers))
            figures = [f"{rate:.0f} /s|{cpu:.0f} us" for rate, cpu in (ours, theirs)]
            table.add_row(str(callers), *"|".join(figures).split("|"))
        after = count_after_damage(Path(directory), options.records)
    console = Console()
    console.print(table)
    console.print(f"Read after one byte in the middle of a file is another: {after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
