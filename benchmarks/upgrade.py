"""Measures how long inserts wait while a large log is brought from the first schema to this one.

A temporary PostgreSQL with the first schema is filled; then `selfheal migrate`'s own code upgrades
it, while writers insert rows as Managers do, each in a transaction of its own, and a reader holds
transactions open as reports and backups do. Printed is the longest time that an insert took, by
the migration that it fell into.

examples:
  python -m benchmarks.upgrade
  python -m benchmarks.upgrade --rows 1000000 --json upgrade.json
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

import asyncpg
from rich.console import Console
from rich.table import Table

from benchmarks.log_filling import (
    BYTES_A_ROW,
    SELECT_INDEXES,
    TASK_TYPES,
    disk_needed_bytes,
    fill,
    make_detail,
)
from benchmarks.log_size import FILLING, INSERT, TIMEOUT_SECONDS, describe_machine
from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.postgres.external import ExternalDatabase
from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.database import connect
from services.common.errors import ServiceError

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "db" / "schema.sql"
FIRST_SCHEMA = ROOT / "tests" / "integration" / "db" / "schema_1.sql"
AIM_SECONDS = 1.0
WRITERS = 4
# Of each writer, so that forty requests a second are logged.
INTERVAL_SECONDS = 0.1
READING_SECONDS = 5.0
BEFORE_SECONDS = 20.0
BEFORE = "before"
BYTES_A_LIGHT_ROW = 350
INSERT_LIGHT = """
    INSERT INTO execution_logs (
        request_id, task_type, user_input, prompt_version, evaluation_score, evaluation_passed,
        created_at
    )
    SELECT gen_random_uuid(), 'code_generation', 'Sort a list', 1 + number % 60,
           CASE WHEN number % 50 > 0 THEN 0.8 END,
           CASE WHEN number % 50 > 0 THEN number % 20 > 0 END,
           now() - number * interval '1 second'
    FROM generate_series(1, $1::bigint) AS number
"""
READ = "SELECT count(*) FROM (SELECT FROM execution_logs LIMIT 1000) AS first_ones"

messages = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Insert:
    """An insert that was committed: when it was begun, and how long it took."""

    begun_at: datetime
    seconds: float

    @property
    def ended_at(self) -> datetime:
        """When it was committed."""
        return self.begun_at + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long inserts took within a stage of the upgrade, in milliseconds."""

    stage: str
    seconds: float
    inserts: int
    p99_ms: float
    longest_ms: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the benchmark measured."""

    rows: int
    log_bytes: int
    upgrade_seconds: float
    stages: list[Waits]
    machine: str
    measured_at: str

    @property
    def longest_seconds(self) -> float:
        """The longest time that an insert took while the schema was upgraded."""
        return max(one.longest_ms for one in self.stages if one.stage != BEFORE) / 1000

    @property
    def reaches_aim(self) -> bool:
        """Tell whether no insert took longer than the aim."""
        return self.longest_seconds <= AIM_SECONDS


async def write(url: str, inserts: list[Insert], stopped: asyncio.Event) -> None:
    """Insert rows one after another, as a Manager does, and note how long each took."""
    detail = make_detail(1, passed=False)
    async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        while not stopped.is_set():
            begun_at, started = datetime.now(UTC), time.perf_counter()
            await connection.execute(INSERT, uuid4(), TASK_TYPES[-1], 0.36, False, detail)
            inserts.append(Insert(begun_at, time.perf_counter() - started))
            await asyncio.sleep(INTERVAL_SECONDS)


async def read(url: str, stopped: asyncio.Event) -> None:
    """Hold one transaction after another open, with the snapshot that its first read took."""
    async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        while not stopped.is_set():
            async with connection.transaction(isolation="repeatable_read"):
                await connection.execute(READ)
                await asyncio.sleep(READING_SECONDS)


async def upgrade_under_load(url: str) -> tuple[list[Insert], dict[str, datetime]]:
    """Upgrade a database while rows are written; return the inserts, and when each stage ended."""
    inserts: list[Insert] = []
    stopped = asyncio.Event()
    load = asyncio.gather(
        *(write(url, inserts, stopped) for _ in range(WRITERS)), read(url, stopped)
    )
    try:
        await asyncio.sleep(BEFORE_SECONDS)
        ends = {BEFORE: datetime.now(UTC)}
        theirs = ExternalDatabase(url, schema=SCHEMA, progress=messages.print)
        applied = await asyncio.to_thread(theirs.upgrade)
        async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
            # A migration notes its number when its last transaction begins.
            rows = await connection.fetch(
                "SELECT applied_at FROM selfheal.migrations ORDER BY number OFFSET 1"
            )
    finally:
        stopped.set()
        await load
    ends |= {what: row["applied_at"] for what, row in zip(applied, rows, strict=True)}
    return inserts, ends


def tell_apart(inserts: list[Insert], ends: dict[str, datetime]) -> Iterator[Waits]:
    """Tell how long inserts took in each stage; the last one lasts as long as they do.

    An insert counts to the stage in which it ended.
    """
    begin = min(one.begun_at for one in inserts)
    for stage, end in ends.items():
        is_last = stage == list(ends)[-1]
        times = [
            one.seconds
            for one in inserts
            if begin <= one.ended_at and (is_last or one.ended_at < end)
        ]
        if len(times) > 1:
            p99 = quantiles(times, n=100, method="inclusive")[-1]
            seconds = (end - begin).total_seconds()
            yield Waits(stage, seconds, len(times), 1000 * p99, 1000 * max(times))
        begin = end


async def fill_it(url: str, rows: int, *, light: bool) -> int:
    """Fill the log; return its size in bytes."""
    async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        if light:
            await fill_lightly(connection, url, rows)
        else:
            await fill(connection, rows, progress=messages.print)
        size: int = await connection.fetchval("SELECT pg_total_relation_size('execution_logs')")
        return size


async def fill_lightly(connection: asyncpg.Connection, url: str, rows: int) -> None:
    """Fill the log with rows of short texts, by several connections at once."""
    indexes = await connection.fetch(SELECT_INDEXES)
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['indexname']}")
    await connection.execute("ALTER TABLE execution_logs DISABLE TRIGGER USER")

    async def fill_share() -> None:
        async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as one:
            await one.execute(INSERT_LIGHT, rows // WRITERS)

    await asyncio.gather(*(fill_share() for _ in range(WRITERS)))
    for index in indexes:
        messages.print(f"making {index['indexname']}")
        await connection.execute(index["indexdef"])
    await connection.execute("ALTER TABLE execution_logs ENABLE TRIGGER USER")
    messages.print("vacuuming")
    await connection.execute("VACUUM ANALYZE")


def measure(rows: int, *, light: bool) -> Report:
    """Fill a temporary database and upgrade it; it is deleted afterwards."""
    with temporary_postgres(FIRST_SCHEMA, settings=FILLING) as filled:
        size = asyncio.run(fill_it(filled.database_url, rows, light=light))
        filled.stop()
        # With the settings that a user's has.
        postgres = EmbeddedPostgres(filled.directory, port=filled.port, schema=FIRST_SCHEMA)
        postgres.start()
        started = time.monotonic()
        inserts, ends = asyncio.run(upgrade_under_load(postgres.database_url))
        seconds = time.monotonic() - started - BEFORE_SECONDS
        postgres.stop()
    stages = list(tell_apart(inserts, ends))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(rows, size, seconds, stages, describe_machine(), now)


def show(report: Report, output: Console) -> None:
    """Print the report as a table."""
    gigabytes = report.log_bytes / (1 << 30)
    table = Table(title=f"An upgrade of {report.rows:,} rows, {gigabytes:.1f} GB")
    for column in ("until", "took", "inserts", "p99", "longest"):
        table.add_column(column, justify="left" if column == "until" else "right")
    for one in report.stages:
        times = (f"{one.p99_ms:.0f} ms", f"{one.longest_ms:.0f} ms")
        table.add_row(one.stage, f"{one.seconds:.1f} s", f"{one.inserts:,}", *times)
    output.print(table)
    output.print(
        f"longest wait of an insert: {report.longest_seconds:.2f} s; the aim of {AIM_SECONDS:g} s "
        f"is {'reached' if report.reaches_aim else 'missed'}; "
        f"the upgrade took {report.upgrade_seconds:.0f} s"
    )
    output.print(f"{report.machine}, {report.measured_at}")


def main() -> None:
    """Measure and print; exit 1 where the aim is missed, 2 where there is too little disk."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.upgrade",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows in the log")
    parser.add_argument(
        "--light", action="store_true", help="short rows, which are filled in sooner"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    bytes_a_row = BYTES_A_LIGHT_ROW if options.light else BYTES_A_ROW
    needed = disk_needed_bytes(options.rows, bytes_a_row=bytes_a_row)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < needed:
        messages.print(
            f"{options.rows:,} rows need about {needed / (1 << 30):.0f} GB in "
            f"{tempfile.gettempdir()}, where {free / (1 << 30):.0f} GB are free: choose fewer "
            "--rows, --light, or another TMPDIR"
        )
        sys.exit(2)
    try:
        report = measure(options.rows, light=options.light)
    except (ServiceError, asyncpg.PostgresError) as error:
        messages.print(f"the database failed: {error}")
        sys.exit(2)
    show(report, Console())
    if options.json:
        text = json.dumps(asdict(report), indent=2, ensure_ascii=False)
        options.json.write_text(f"{text}\n", encoding="utf-8")
    sys.exit(0 if report.reaches_aim else 1)


if __name__ == "__main__":
    main()
