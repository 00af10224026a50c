"""Measures the console on a large log: each page's server time, and what it makes a browser load.

    python -m benchmarks.console --rows 10000000 --json console.json

Fills a temporary database with 30 days of traffic, a conversation for every tenth request,
deploys, heals and watches, has the Manager's job count it, and starts Manager and console on it.
With `--keep DIR` the database stays there, and the next time it isn't filled again.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.console.filling import TIMEOUT_SECONDS, count_all, fill_around, read_end
from benchmarks.console.pages import OK, PageFigures, find_paths, measure_pages, percentile
from benchmarks.log_filling import disk_needed_bytes
from benchmarks.log_size import FILLING, describe_machine
from benchmarks.measured_system import spawn, stop, wait_until_ready
from benchmarks.own_ports import take_port
from benchmarks.temporary_postgres import kept_postgres, temporary_postgres
from selfheal.runtime.assembly import find_schema
from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.database import connect
from services.common.logging import configure_logging
from services.common.record.traffic import load_traffic

AIM_MS = 200.0
AIM_BYTES = 60 * 1024
DAYS = 30
STEP_SECONDS = 7_200

messages = Console(stderr=True)


@dataclass(slots=True)
class Report:
    """Everything that the benchmark measured.

    Attributes:
        count_seconds: The first count of the whole log; `round_ms` is a later round.
        traffic_ms: Reading 30 days of all task types in steps of two hours, p50 and p95.
    """

    rows: int
    machine: str
    measured_at: str
    fill_seconds: float = 0.0
    count_seconds: float = 0.0
    round_ms: float = 0.0
    traffic_ms: tuple[float, float] = (0.0, 0.0)
    pages: list[PageFigures] = field(default_factory=list)

    @property
    def reaches_aims(self) -> bool:
        """Tell whether every page was there, in time, and light enough."""
        return all(
            page.status == OK and page.p95_ms < AIM_MS and page.asset_bytes <= AIM_BYTES
            for page in self.pages
        )


def measure(rows: int, *, requests: int, keep: Path | None = None) -> Report:
    """Fill a database and measure; without a directory to keep it in it is deleted afterwards."""
    report = Report(rows, describe_machine(), datetime.now(UTC).isoformat(timespec="seconds"))
    database = (
        kept_postgres(keep, FILLING)
        if keep
        else temporary_postgres(find_schema(), settings=FILLING)
    )
    with database as postgres:
        began = time.monotonic()
        filled = keep / f"filled-with-{rows}" if keep else None
        is_filled = filled is not None and filled.exists()
        paths = asyncio.run(_prepare(postgres, rows, is_filled=is_filled))
        if filled:
            filled.touch()
        report.fill_seconds = time.monotonic() - began
        counted = asyncio.run(count_all(postgres.service_urls["manager"], progress=messages.print))
        asyncio.run(_vacuum(postgres.database_url))
        report.count_seconds, report.round_ms = counted[0], 1000 * counted[1]
        report.traffic_ms = asyncio.run(_time_traffic(postgres.service_urls["console"], requests))
        with run_console(postgres) as base_url:
            messages.print("asking for the pages")
            report.pages = measure_pages(base_url, paths, requests=requests)
    return report


async def _prepare(postgres: EmbeddedPostgres, rows: int, *, is_filled: bool) -> list[str]:
    async with connect(postgres.database_url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        if not is_filled:
            await fill_around(connection, rows, progress=messages.print)
        return await find_paths(connection)


async def _vacuum(url: str) -> None:
    """Do what a server that has had a day would have done by itself."""
    async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        await connection.execute("VACUUM ANALYZE selfheal.traffic")


async def _time_traffic(url: str, requests: int) -> tuple[float, float]:
    times = []
    async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        end = await read_end(connection)
        start = end - timedelta(days=DAYS)
        for _ in range(requests):
            began = time.perf_counter()
            await load_traffic(connection, None, start, end, STEP_SECONDS, by_task_type=True)
            times.append(1000 * (time.perf_counter() - began))
    return percentile(times, 50), percentile(times, 95)


@contextmanager
def run_console(postgres: EmbeddedPostgres) -> Iterator[str]:
    """Run a Manager and the console on a database; gives the console's address."""
    manager_port, console_port = take_port(), take_port()
    ours = {
        "SELFHEAL_ENV_FILE": "",
        "BIND_HOST": "127.0.0.1",
        "MANAGER_PORT": str(manager_port),
        "CONSOLE_PORT": str(console_port),
        "DATABASE_URL": postgres.service_urls["manager"],
        "CONSOLE_DATABASE_URL": postgres.service_urls["console"],
        "INTERNAL_TOKEN": "benchmark",
    }
    directory = Path(tempfile.mkdtemp(prefix="selfheal-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        for name, port in (("manager", manager_port), ("console", console_port)):
            log = directory / f"{name}.log"
            command = (sys.executable, "-P", "-m", "services", name)
            process = spawn(command, os.environ | ours, log)
            stack.callback(stop, process)
            wait_until_ready(process, f"http://127.0.0.1:{port}/health/ready", log)
        yield f"http://127.0.0.1:{console_port}"


def show(report: Report, output: Console) -> None:
    """Print the report as a table."""
    table = Table(title=f"The console on {report.rows:,} rows over {DAYS} days")
    table.add_column("page")
    for title in ("status", "p50 ms", "p95 ms", "HTML KB", "JS and CSS, compressed KB"):
        table.add_column(title, justify="right")
    for page in report.pages:
        table.add_row(
            page.path,
            str(page.status),
            f"{page.p50_ms:.0f}",
            f"{page.p95_ms:.0f}",
            f"{page.html_bytes / 1024:.0f}",
            f"{page.asset_bytes / 1024:.1f}",
        )
    output.print(table)
    p50, p95 = report.traffic_ms
    output.print(f"30 days of all task types: p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    output.print(
        f"counted in {report.count_seconds:.0f} s (nothing where it was kept); "
        f"a round after that takes {report.round_ms:.0f} ms"
    )
    verdict = "reached" if report.reaches_aims else "missed"
    output.print(
        f"aims of p95 under {AIM_MS:g} ms and {AIM_BYTES // 1024} KB {verdict}; "
        f"filled in {report.fill_seconds:.0f} s"
    )
    output.print(f"{report.machine}, {report.measured_at}")


def main() -> None:
    """Measure and print; exit 1 where an aim is missed, 2 where there is too little disk."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.console",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows in the log")
    parser.add_argument("--requests", type=int, default=40, help="how often each page is asked for")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the database there")
    options = parser.parse_args()
    place = options.keep.parent if options.keep else Path(tempfile.gettempdir())
    is_filled = options.keep and (options.keep / f"filled-with-{options.rows}").exists()
    needed = 0 if is_filled else disk_needed_bytes(options.rows)
    if shutil.disk_usage(place).free < needed:
        messages.print(f"{needed >> 30} GB are needed in {place}: too little disk")
        sys.exit(2)
    configure_logging("bench-console", "ERROR")
    report = measure(options.rows, requests=options.requests, keep=options.keep)
    show(report, Console())
    if options.json:
        text = json.dumps(asdict(report), indent=2) + "\n"
        options.json.write_text(text, encoding="utf-8")
    sys.exit(0 if report.reaches_aims else 1)


if __name__ == "__main__":
    main()
