"""Measures what live inserts take while the retention runs, and how fast it is.

    python -m benchmarks.retention --rows 10000000 --json retention.json

Fills a temporary database with 30 days of traffic, a conversation for every tenth request, and
heals. Then rows are inserted at a steady rate, in windows with and without the retention in turns;
it removes what is over 15 days old, or the texts of what is over 7, in turns as well. The aim: the
99th percentile at most doubles. With `--keep DIR` the database stays there, and the next time it
isn't filled again.
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from uuid import uuid4

from prometheus_client import CollectorRegistry
from rich.console import Console

from benchmarks.console.filling import TIMEOUT_SECONDS, fill_around
from benchmarks.console.pages import percentile
from benchmarks.log_filling import TASK_TYPES, make_detail
from benchmarks.log_size import describe_machine
from benchmarks.temporary_postgres import kept_postgres
from services.common.database import Database, connect
from services.common.logging import configure_logging
from services.manager.app.log.rows import Execution, Row, insert_row
from services.manager.app.retention.retention import Retention
from services.manager.app.retention.rules import Rule

AIM = 2.0
RULES = (Rule("rows", 15, is_default=True), Rule("texts", 7, is_default=True))
# A row and its part of a conversation, with their indexes; and the log of the writing.
BYTES_A_ROW, WAL_BYTES = 2_300, 3 << 30
FILLING = {"max_wal_size": "2GB", "maintenance_work_mem": "512MB", "autovacuum": "off"}
INSERTS_A_SECOND = 50
# What is under way when a window ends belongs to none.
SETTLE_SECONDS = 2.0
PERCENT = (50, 99)

messages = Console(stderr=True)


@dataclass(slots=True)
class Report:
    """Everything that the benchmark measured; inserts in milliseconds, by percentile.

    Attributes:
        windows: The 99th percentiles of the windows, in their order: without and with in turns.
    """

    rows: int
    machine: str
    measured_at: str
    fill_seconds: float = 0.0
    seconds_each: float = 0.0
    without_ms: dict[int, float] = field(default_factory=dict)
    with_ms: dict[int, float] = field(default_factory=dict)
    windows: list[float] = field(default_factory=list)
    rows_a_second: float = 0.0
    texts_a_second: float = 0.0

    @property
    def factor(self) -> float:
        """How many times as long the 99th percentile is with the retention."""
        return self.with_ms[99] / self.without_ms[99]


async def _fill(url: str, rows: int) -> None:
    async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        await fill_around(connection, rows, progress=messages.print)


def _make_row(number: int) -> Row:
    return Row(
        Execution(
            request_id=uuid4(),
            task_type=TASK_TYPES[number % len(TASK_TYPES)],
            user_input="Sort a list",
            refined_input="Sort a list\n\nLanguage: Python.",
            prompt_version=60,
            worker_output="```python\nsorted(items)\n```",
            worker_latency_ms=400,
            evaluation_score=0.9,
            evaluation_passed=True,
            evaluation_detail=make_detail(number % 500, passed=True),
        )
    )


async def _insert_steadily(database: Database, seconds: float) -> list[float]:
    """Insert rows at a steady rate; times from when each was due."""
    times: list[float] = []

    async def insert(number: int, due: float) -> None:
        async with database.connection() as connection:
            await insert_row(connection, _make_row(number))
        times.append(1000 * (time.perf_counter() - due))

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * INSERTS_A_SECOND)):
            due = start + number / INSERTS_A_SECOND
            await asyncio.sleep(max(0, due - time.perf_counter()))
            group.create_task(insert(number, due))
    return times


@asynccontextmanager
async def _working(retention: Retention) -> AsyncIterator[None]:
    """Have the retention work meanwhile, round after round, from where it was."""

    async def work() -> None:
        while True:
            await retention.work_round()

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        if task.done():
            await task
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _measure(url: str, report: Report, *, windows: int, seconds: float) -> None:
    database = Database(url, timeout_seconds=60)
    await database.open()
    registries = [CollectorRegistry() for _ in RULES]
    # Windows for rows and for texts in turns: the one would take hours to come to the other.
    works = [
        Retention(database, [rule], lookback_minutes=30, registry=registry)
        for rule, registry in zip(RULES, registries, strict=True)
    ]
    without: list[float] = []
    beside: list[float] = []

    def read(kind: str) -> float:
        counts = [
            registry.get_sample_value("agent_retention_removed_total", {"kind": kind})
            for registry in registries
        ]
        return sum(filter(None, counts))

    await _insert_steadily(database, seconds / 4)  # until plans are made and pages are read
    for number in range(windows):
        times = await _insert_steadily(database, seconds)
        without += times
        report.windows.append(percentile(times, 99))
        await asyncio.sleep(SETTLE_SECONDS)
        retention = works[number % len(works)]
        async with _working(retention):
            times = await _insert_steadily(database, seconds)
        await retention.close()
        beside += times
        report.windows.append(percentile(times, 99))
        messages.print(
            f"window {number + 1} of {windows}: p99 {report.windows[-2]:.1f} ms without, "
            f"{report.windows[-1]:.1f} ms with; {read('rows'):,.0f} rows removed, "
            f"texts of {read('texts'):,.0f}"
        )
        await asyncio.sleep(SETTLE_SECONDS)
    report.seconds_each = windows * seconds
    report.without_ms = {at: percentile(without, at) for at in PERCENT}
    report.with_ms = {at: percentile(beside, at) for at in PERCENT}
    each = report.seconds_each / len(works)
    report.rows_a_second, report.texts_a_second = read("rows") / each, read("texts") / each
    await database.close()


def measure(rows: int, directory: Path, *, windows: int, seconds: float) -> Report:
    """Fill a database, if the directory has none of that size, and measure."""
    report = Report(rows, describe_machine(), datetime.now(UTC).isoformat(timespec="seconds"))
    filled = directory / f"filled-with-{rows}"
    if not filled.exists():
        began = time.monotonic()
        with kept_postgres(directory, FILLING) as postgres:
            asyncio.run(_fill(postgres.database_url, rows))
        filled.touch()
        report.fill_seconds = time.monotonic() - began
    with kept_postgres(directory, {}) as postgres:
        url = postgres.service_urls["manager"]
        asyncio.run(_measure(url, report, windows=windows, seconds=seconds))
    return report


def show(report: Report, output: Console) -> None:
    """Print the report."""
    for what, figures in (("without", report.without_ms), ("with", report.with_ms)):
        told = ", ".join(f"p{at} {value:.2f} ms" for at, value in figures.items())
        output.print(f"{what} the retention, {report.seconds_each:.0f} s of inserts: {told}")
    pairs = median(report.windows[::2]), median(report.windows[1::2])
    output.print(f"p99 of a window, the median: {pairs[0]:.2f} ms without, {pairs[1]:.2f} ms with")
    output.print(
        f"it removed {report.rows_a_second:,.0f} rows a second, or the texts of "
        f"{report.texts_a_second:,.0f}"
    )
    verdict = "reached" if report.factor <= AIM else "missed"
    output.print(f"{report.rows:,} rows: p99 times {report.factor:.2f}, aim of {AIM:g} {verdict}")
    output.print(f"{report.machine}, {report.measured_at}")


def main() -> None:
    """Measure and print; exit 1 where the aim is missed, 2 where there is too little disk."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.retention",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows in the log")
    parser.add_argument("--windows", type=int, default=6, help="with, and as many without; even")
    parser.add_argument("--seconds", type=float, default=30, help="length of a window")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the database there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    directory = options.keep or Path(tempfile.mkdtemp(prefix="selfheal-"))
    needed = options.rows * BYTES_A_ROW + WAL_BYTES
    free = shutil.disk_usage(directory if directory.exists() else directory.parent).free
    if free < needed and not (directory / f"filled-with-{options.rows}").exists():
        messages.print(
            f"too little disk: {needed / (1 << 30):.0f} GB are needed and {free / (1 << 30):.0f} "
            "are free; choose fewer --rows, or another TMPDIR"
        )
        sys.exit(2)
    configure_logging("retention", "ERROR")
    try:
        report = measure(options.rows, directory, windows=options.windows, seconds=options.seconds)
    finally:
        if not options.keep:
            shutil.rmtree(directory, ignore_errors=True)
    show(report, Console())
    if options.json:
        options.json.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    sys.exit(0 if report.factor <= AIM else 1)


if __name__ == "__main__":
    main()
