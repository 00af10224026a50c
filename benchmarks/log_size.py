"""Measures what the Optimizer's look at the log costs, when the log holds ten million rows.

A temporary PostgreSQL is filled with thirty days of traffic whose last minutes go bad; then what
a run reads and decides before its first replay is timed: cold (a server that was just started,
nothing of its files in memory) and warm, which the aim is for. What our trigger and our index for
unscored answers cost an INSERT is timed as well.

examples:
  python -m benchmarks.log_size
  python -m benchmarks.log_size --rows 100000 --json log_size.json
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from uuid import uuid4

import asyncpg
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.log_filling import LOOKBACK, TASK_TYPES, disk_needed_bytes, fill, make_detail
from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.database import connect
from services.common.logging import configure_logging
from services.common.task_types import open_task_types
from services.optimizer.app.services.diagnosis.evaluator_condition import EvaluatorCondition
from services.optimizer.app.services.diagnosis.healing_case import Case
from services.optimizer.app.services.diagnosis.survey import Surveyor, Trigger
from services.optimizer.app.services.log.answers import load_passing
from services.optimizer.app.services.log.prompt_history import load_history
from services.optimizer.app.services.proof.trial import plan_trial
from services.optimizer.app.services.screening.screening import screen

SCHEMA = Path(__file__).parents[1] / "db" / "schema.sql"
SERVICE = "log_size"
NO_TASK_TYPES = Path("/nonexistent")  # the built-in ones alone
AIM_MS = 100.0
RUNS = 20
INSERTS = 200
INSERT_ROUNDS = 5
FEW_ROWS = 10_000
TIMEOUT_SECONDS = 3_600.0
MEGABYTE = 1 << 20
# The server's own settings stay: what is measured is what a user has.
FILLING = {"max_wal_size": "6GB", "maintenance_work_mem": "512MB", "autovacuum": "off"}
TRIGGER = "execution_failed"
INDEX = "execution_logs_unscored"
INSERT = """
    INSERT INTO execution_logs (
        request_id, task_type, user_input, refined_input, prompt_version, worker_output,
        worker_latency_ms, evaluation_score, evaluation_passed, evaluation_detail
    ) VALUES ($1, $2, 'Sort a list', 'Sort a list', 60, 'Hello World', 1, $3, $4, $5)
"""
BY_FALLBACK = """
    INSERT INTO selfheal.fallback_answers
    SELECT id, task_type, created_at FROM execution_logs WHERE id % 10 = 0
"""
# Half of what was logged, on both arms.
IN_ROLLOUTS = """
    WITH opened AS (
        INSERT INTO selfheal.rollouts (task_type, incumbent_prompt_id, incumbent_digest,
            candidate_id, content, reserved_version, steps, share, run_id)
        SELECT DISTINCT ON (task_type) task_type, id, '', gen_random_uuid(), content, version,
            '{0.1,1}'::real[], 0.1, gen_random_uuid()
        FROM prompts WHERE is_active ORDER BY task_type, version DESC
        RETURNING id, task_type
    )
    INSERT INTO selfheal.rollout_answers
    SELECT l.id, opened.id, CASE WHEN l.id % 20 = 0 THEN 'candidate' ELSE 'incumbent' END,
        md5(l.id::text), l.created_at
    FROM execution_logs AS l JOIN opened USING (task_type) WHERE l.id % 2 = 0
"""

messages = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Look:
    """Times of the parts of one look, in milliseconds.

    Attributes:
        find_ms: Finding the prompts that need work, with all that is decided on the way.
        history_ms: Reading what served before.
        plan_ms: Reading what passed lately, and dealing out the inputs of a trial.
    """

    find_ms: float
    history_ms: float
    plan_ms: float

    @property
    def total_ms(self) -> float:
        """Sum of the parts."""
        return self.find_ms + self.history_ms + self.plan_ms


@dataclass(frozen=True, slots=True)
class Figures:
    """Median and maximum of a part of the look, in milliseconds."""

    median_ms: float
    maximum_ms: float


@dataclass(slots=True)
class Report:
    """Everything that the benchmark measured.

    Attributes:
        looks: By `cold` or `warm` and by the part of the look.
        memory_mb: Peak memory of a process that looks, by the number of rows in the log.
        inserts_ms: Median of an INSERT, by what is inserted and what was left out.
    """

    rows: int
    log_bytes: int
    fill_seconds: float
    machine: str
    measured_at: str
    looks: dict[str, dict[str, Figures]] = field(default_factory=dict)
    memory_mb: dict[int, float] = field(default_factory=dict)
    inserts_ms: dict[str, float] = field(default_factory=dict)

    @property
    def reaches_aim(self) -> bool:
        """Tell whether every look at a server that is warm stayed within the aim."""
        return self.looks["warm"]["total"].maximum_ms < AIM_MS


def summarize(looks: Iterable[Look]) -> dict[str, Figures]:
    """Compute median and maximum by part."""
    looks = list(looks)
    parts = {
        "find the prompts that need work": [look.find_ms for look in looks],
        "read the history": [look.history_ms for look in looks],
        "plan the trial": [look.plan_ms for look in looks],
        "total": [look.total_ms for look in looks],
    }
    return {name: Figures(median(times), max(times)) for name, times in parts.items()}


async def look(connection: asyncpg.Connection, lookback_minutes: int) -> Look:
    """Look at the log as a run does, up to its first replay."""
    surveyor = Surveyor(Trigger(3, lookback_minutes), _find_condition, _find_pause)
    started = time.perf_counter()
    cases = (await surveyor.survey(connection)).cases
    found = time.perf_counter()
    if [case.incumbent.task_type for case in cases] != [TASK_TYPES[0]]:
        raise RuntimeError(f"found {len(cases)} prompts to heal, not the one that was made to fail")
    [case] = cases
    history = await load_history(connection, case.incumbent, fingerprint=case.window.fingerprint)
    remembered = time.perf_counter()
    passing = await load_passing(connection, cases[0].incumbent, history)
    golden = open_task_types(NO_TASK_TYPES).golden_inputs(TASK_TYPES[0])
    trial = plan_trial(cases[0].analysis.failing, golden, screen(passing).clean)
    done = time.perf_counter()
    if not (trial.choosing and trial.proving):
        raise RuntimeError("the log gave no inputs for a trial")
    return Look(1000 * (found - started), 1000 * (remembered - found), 1000 * (done - remembered))


async def _find_condition() -> EvaluatorCondition:
    return EvaluatorCondition()


async def _find_pause(_connection: asyncpg.Connection, _case: Case) -> str:
    return ""


def look_cold(postgres: EmbeddedPostgres, end: datetime) -> Iterator[Look]:
    """Look once after each of many starts of the server, with none of its files in memory."""
    for _ in range(RUNS):
        postgres.stop()
        _forget_files(postgres.storage.data)
        postgres.start()
        yield asyncio.run(_look_often(postgres.database_url, end, runs=1))[0]


async def _look_often(url: str, end: datetime, *, runs: int) -> list[Look]:
    minutes = _lookback_minutes(end)
    async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        return [await look(connection, minutes) for _ in range(runs)]


def _lookback_minutes(end: datetime) -> int:
    """Compute a lookback that always covers the same rows, however long ago they were made."""
    return round((datetime.now(UTC) - end + LOOKBACK).total_seconds() / 60)


def _forget_files(directory: Path) -> None:
    """Have the system drop what it keeps of files in memory; they were all written out."""
    for path in directory.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def peak_memory_mb(url: str, end: datetime) -> float:
    """Measure the peak memory of a new process that looks at the log, in MB."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_look_and_weigh, url, end).result()


def _look_and_weigh(url: str, end: datetime) -> float:
    configure_logging(SERVICE, "ERROR")
    asyncio.run(_look_often(url, end, runs=3))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE


async def measure_inserts(url: str) -> dict[str, float]:
    """Measure the median time of an INSERT, with and without what we add to the table; in turns."""
    times: dict[str, list[float]] = {}

    def note(what: str, measured: list[float]) -> None:
        times.setdefault(what, []).extend(measured)

    async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        # A commit that waits for the disk would hide all else.
        await connection.execute("SET synchronous_commit = off")
        for _ in range(INSERT_ROUNDS):
            note("failed answer", await _time_inserts(connection, is_scored=True))
            await connection.execute(f"ALTER TABLE execution_logs DISABLE TRIGGER {TRIGGER}")
            note("failed answer, no trigger", await _time_inserts(connection, is_scored=True))
            await connection.execute(f"ALTER TABLE execution_logs ENABLE TRIGGER {TRIGGER}")
            note("unscored, uncommitted", await _time_undone_inserts(connection))
            without = await _time_undone_inserts(connection, first=f"DROP INDEX {INDEX}")
            note("unscored, uncommitted, no index", without)
    return {what: median(measured) for what, measured in times.items()}


async def _time_undone_inserts(connection: asyncpg.Connection, *, first: str = "") -> list[float]:
    """Time inserts after a change to the table, and undo both."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        if first:
            await connection.execute(first)
        return await _time_inserts(connection, is_scored=False)
    finally:
        await transaction.rollback()


async def _time_inserts(connection: asyncpg.Connection, *, is_scored: bool) -> list[float]:
    """Time many inserts, each in milliseconds."""
    result = (0.36, False, make_detail(1, passed=False)) if is_scored else (None, None, None)
    times = []
    for _ in range(INSERTS):
        started = time.perf_counter()
        await connection.execute(INSERT, uuid4(), TASK_TYPES[-1], *result)
        times.append(1000 * (time.perf_counter() - started))
    return times


async def _fill(url: str, rows: int) -> tuple[datetime, int]:
    async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        end = await fill(connection, rows, progress=messages.print)
        size = await connection.fetchval("SELECT pg_total_relation_size('execution_logs')")
        return end, size


async def _tell_apart(url: str, statement: str, table: str) -> None:
    async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        await connection.execute(statement)
        await connection.execute(f"ANALYZE {table}")


def measure(rows: int) -> Report:
    """Fill a temporary database and measure; it is deleted afterwards."""
    with temporary_postgres(SCHEMA, settings=FILLING) as postgres:
        few = min(rows, FEW_ROWS)
        end, _ = asyncio.run(_fill(postgres.database_url, few))
        few_memory = peak_memory_mb(postgres.database_url, end)
        started = time.monotonic()
        end, size = asyncio.run(_fill(postgres.database_url, rows))
        report = Report(
            rows,
            size,
            time.monotonic() - started,
            describe_machine(),
            datetime.now(UTC).isoformat(timespec="seconds"),
            memory_mb={few: few_memory},
        )
        measure_filled(postgres, end, report)
    return report


def measure_filled(postgres: EmbeddedPostgres, end: datetime, report: Report) -> None:
    """Measure on a log that is filled, into the report."""
    messages.print("looking, cold")
    report.looks["cold"] = summarize(look_cold(postgres, end))
    messages.print("looking, warm")
    url = postgres.database_url
    report.looks["warm"] = summarize(asyncio.run(_look_often(url, end, runs=RUNS + 1))[1:])
    for statement, table, lane in (
        (BY_FALLBACK, "selfheal.fallback_answers", "a tenth by another model"),
        (IN_ROLLOUTS, "selfheal.rollout_answers", "and half in rollouts"),
    ):
        messages.print(f"looking, {lane}")
        asyncio.run(_tell_apart(url, statement, table))
        report.looks[f"warm, {lane}"] = summarize(
            asyncio.run(_look_often(url, end, runs=RUNS + 1))[1:]
        )
    report.memory_mb[report.rows] = peak_memory_mb(url, end)
    messages.print("inserting")
    report.inserts_ms = asyncio.run(measure_inserts(url))


def describe_machine() -> str:
    """Describe the machine: cores, memory, and how busy others keep it."""
    memory = psutil.virtual_memory().total / (1 << 30)
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def show(report: Report, output: Console) -> None:
    """Print the report as tables."""
    table = Table(
        title=f"A look at {report.rows:,} rows ({report.log_bytes / (1 << 30):.1f} GB), "
        f"{RUNS} runs: median / maximum"
    )
    table.add_column("")
    for kind in report.looks:
        table.add_column(kind, justify="right")
    for part in next(iter(report.looks.values())):
        cells = (figures[part] for figures in report.looks.values())
        table.add_row(part, *(f"{one.median_ms:.1f} / {one.maximum_ms:.1f} ms" for one in cells))
    output.print(table)
    for rows, megabytes in report.memory_mb.items():
        output.print(f"peak memory with {rows:,} rows: {megabytes:.0f} MB")
    for what, milliseconds in report.inserts_ms.items():
        output.print(f"INSERT, {what}: {milliseconds:.3f} ms")
    verdict = "reached" if report.reaches_aim else "missed"
    output.print(f"aim of {AIM_MS:g} ms, warm, {verdict}; filled in {report.fill_seconds:.0f} s")
    output.print(f"{report.machine}, {report.measured_at}")


def main() -> None:
    """Measure and print; exit 1 where the aim is missed, 2 where there is too little disk."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.log_size",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows in the log")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    needed = disk_needed_bytes(options.rows)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    messages.print(
        f"{options.rows:,} rows need about {needed / (1 << 30):.0f} GB in "
        f"{tempfile.gettempdir()} for a while; {free / (1 << 30):.0f} GB are free"
    )
    if free < needed:
        messages.print("too little disk: choose fewer --rows, or another TMPDIR")
        sys.exit(2)
    configure_logging(SERVICE, "ERROR")
    report = measure(options.rows)
    show(report, Console())
    if options.json:
        options.json.write_text(
            json.dumps(asdict(report), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    sys.exit(0 if report.reaches_aim else 1)


if __name__ == "__main__":
    main()
