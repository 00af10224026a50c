"""What a row of the log takes: bytes on the disk and in the write-ahead log, and PostgreSQL's CPU.

Rows like real ones go into a temporary, durable PostgreSQL by the Manager's own statements, ten
connections at once; those of the door are claimed and scored afterwards, as its Managers do. Then
a larger log is filled, and on it is measured what counting it costs, what it takes to let its rows
have numbers beyond an INTEGER's (db/wide_numbers.sql), and to divide it into partitions by ranges
of numbers. CPU is that of PostgreSQL's processes, so that other work on the machine matters little.

examples:
  python -m benchmarks.decisions.scale
  python -m benchmarks.decisions.scale --rows 500 --filled 20000
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.log_filling import fill, make_detail
from benchmarks.measured_system import read_cpu
from benchmarks.temporary_postgres import temporary_postgres
from services.common.costs.bill import Bill, Purpose
from services.common.costs.prices import Prices
from services.common.database import Database, connect
from services.common.metering.spending import Spending
from services.common.schemas import EvaluationResponse
from services.common.settings.costs import Price
from services.manager.app.log.rows import Execution, Row, insert_row
from services.manager.app.rollups.counting import count_buckets
from services.manager.app.scoring.claims import PendingScores
from services.manager.app.scoring.sampling import Mark
from services.worker.app.services.prompt_loader import load_active_prompt

ROOT = Path(__file__).parents[2]
CALLERS = 10
TIMEOUT_SECONDS = 3600.0
SEED = 18
# Characters of a chat of the door: the application's own rules, and a few turns.
SYSTEM, TURN, TURNS, ANSWER = 1200, 300, 4, 900
# Of the guide's route: a request and an answer of code.
REQUEST, CODE = 120, 800
PARTS = (
    "execution_logs", "selfheal.conversations", "selfheal.landings", "selfheal.pending_scores",
    "selfheal.spending",
)  # fmt: skip
# What a model's call took, and the prices of it: those of the operator, so that none is looked up.
MODEL, SPENT = "openai:gpt-4.1-mini", Spending(1, 640, 220, 128)
PRICES = Prices({MODEL: Price(input=Decimal("0.4"), output=Decimal("1.6"))})
SIZES = """
    SELECT pg_relation_size(oid) AS heap, pg_indexes_size(oid) AS indexes,
           coalesce(pg_total_relation_size(nullif(reltoastrelid, 0)), 0) AS toast
    FROM pg_class WHERE oid = $1::regclass
"""
WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
INTO_PARTITIONS = """
    ALTER TABLE execution_logs RENAME TO execution_logs_first;
    CREATE TABLE execution_logs (LIKE execution_logs_first INCLUDING DEFAULTS, PRIMARY KEY (id))
        PARTITION BY RANGE (id);
    ALTER SEQUENCE execution_logs_id_seq OWNED BY execution_logs.id;
    ALTER TABLE execution_logs ATTACH PARTITION execution_logs_first
        FOR VALUES FROM (MINVALUE) TO ({next});
    CREATE TABLE execution_logs_next PARTITION OF execution_logs
        FOR VALUES FROM ({next}) TO (MAXVALUE);
"""
# What is there is taken for the partition's part, and not built anew.
SELECT_INDEXES = """
    SELECT replace(replace(indexdef, 'INDEX ' || indexname, 'INDEX ' || indexname || '_all'),
                   'execution_logs_first', 'execution_logs')
    FROM pg_indexes WHERE tablename = 'execution_logs_first' AND indexname NOT LIKE '%pkey'
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What some work took: by the clock, PostgreSQL's CPU, and its write-ahead log."""

    seconds: float
    cpu_seconds: float
    wal_bytes: int


def words(characters: int, chance: random.Random) -> str:
    """Make a text of the words of our own documents, as compressible as prose is."""
    chosen = chance.choices(VOCABULARY, k=characters // 5)
    return " ".join(chosen)[:characters]


VOCABULARY = " ".join(
    path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.en.md"))
).split()


def make_guide_row(number: int, chance: random.Random) -> Row:
    """Make a row of the guide's route, which is scored when it is written."""
    request = words(REQUEST, chance)
    execution = Execution(
        uuid4(), "code_generation", request, f"{request}\n\nLanguage: Python.", 3,
        words(CODE, chance), 900, 0.87, True, make_detail(number, passed=True),
    )  # fmt: skip
    return Row(execution, charges=charge(execution.task_type, "serving", "judging"))


def charge(task_type: str, *purposes: Purpose) -> list[dict[str, Any]]:
    """Charge a call for each purpose, as the Manager does with the row."""
    bill = Bill(PRICES, task_type)
    for purpose in purposes:
        bill.add(purpose, MODEL, SPENT)
    return bill.as_json()


def make_door_row(number: int, chance: random.Random, *, is_scored: bool = True) -> Row:
    """Make a row of the door, with its conversation, that waits for its score or for none."""
    turns = [words(TURN, chance) for _ in range(TURNS)]
    answer = words(ANSWER, chance)
    messages = [{"role": "system", "content": words(SYSTEM, random.Random(SEED))}] + [
        {"role": ("user", "assistant")[place % 2], "content": turn}
        for place, turn in enumerate(turns)
    ]
    conversation: dict[str, Any] = {
        "messages": messages, "parameters": {"temperature": 0.2}, "variables": {},
        "choices": [{"index": 0, "message": {"role": "assistant", "content": answer}}],
        "finish_reason": "stop", "input_tokens": 640, "output_tokens": 220, "provider": "openai",
        "model_answered": "gpt-4.1-mini", "prompt_id": 3, "prompt_digest": "9" * 64,
        "first_token_ms": 300, "duration_ms": 900, "session_id": f"session-{number // 5}",
    }  # fmt: skip
    execution = Execution(
        uuid4(), "support", turns[-1], turns[-1], 3, answer, 900,
        evaluation_detail={"worker": {"model": "gpt-4.1-mini", "provider": "openai"}},
    )  # fmt: skip
    mark = Mark(True, 1, 1) if is_scored else None
    return Row(execution, conversation, mark, charge(execution.task_type, "serving"))


def make_unscored_row(number: int, chance: random.Random) -> Row:
    """Make a row of the door that wasn't chosen to be scored."""
    return make_door_row(number, chance, is_scored=False)


@asynccontextmanager
async def costing(
    process: psutil.Process, connection: asyncpg.Connection, costs: list[Cost]
) -> AsyncIterator[None]:
    """Add what the work within takes to `costs`; `process` is PostgreSQL's first."""
    await connection.execute("CHECKPOINT")
    begun, cpu, wal = time.perf_counter(), read_cpu(process), await connection.fetchval(WAL)
    yield
    costs.append(
        Cost(
            time.perf_counter() - begun,
            read_cpu(process) - cpu,
            await connection.fetchval(WAL) - wal,
        )
    )


async def at_once(work: Callable[[int], Awaitable[None]], count: int) -> None:
    """Do something `count` times, `CALLERS` at once."""
    numbers = iter(range(count))

    async def call() -> None:
        for number in numbers:
            await work(number)

    await asyncio.gather(*(call() for _ in range(CALLERS)))


async def measure_rows(
    url: str, process: psutil.Process, make: Callable[[int, random.Random], Row], count: int
) -> tuple[list[Cost], dict[str, dict[str, float]]]:
    """Write rows of a kind, and score those that wait; gives costs, and bytes a row by part."""
    database = Database(url, timeout_seconds=60)
    await database.open()
    costs: list[Cost] = []
    detail = make_detail(1, passed=True)
    detail["judge"] |= {"name": MODEL, "calls": 1, "input_tokens": 640, "output_tokens": 220}
    pending = PendingScores(database, lease_seconds=600, prices=PRICES)
    chance = random.Random(SEED)
    rows = [make(number, chance) for number in range(count)]

    async def write(number: int) -> None:
        async with database.connection() as lent:
            await insert_row(lent, rows[number])

    async def score(_: int) -> None:
        claim = await pending.claim()
        if claim is not None:
            result = EvaluationResponse(
                request_id=claim.request_id, score=0.87, passed=True, detail=detail
            )
            await pending.keep_score(claim, result, 1.0)

    async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        for part in PARTS:
            await connection.execute(f"TRUNCATE {part}")
        async with costing(process, connection, costs):
            await at_once(write, count)
        if rows[0].mark:
            async with costing(process, connection, costs):
                await at_once(score, count)
        await connection.execute("VACUUM ANALYZE")
        sizes = {}
        for part in PARTS:
            [record] = await connection.fetch(SIZES, part)
            sizes[part] = {name: size / count for name, size in record.items()}
    await database.close()
    return costs, sizes


async def measure_prompts(url: str, process: psutil.Process, count: int) -> Cost:
    """Read the active prompt as a Worker does for each request."""
    database = Database(url, timeout_seconds=60)
    await database.open()
    costs: list[Cost] = []

    async def read(_: int) -> None:
        await load_active_prompt(database, "code_generation")

    async with (
        connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection,
        costing(process, connection, costs),
    ):
        await at_once(read, count)
    await database.close()
    return costs[0]


async def measure_statements(url: str, process: psutil.Process, filled: int) -> dict[str, Cost]:
    """Fill a log, count it, widen its numbers, and divide it; each a row's cost of all rows."""
    costs: list[Cost] = []
    widen = (ROOT / "db" / "wide_numbers.sql").read_text(encoding="utf-8")
    async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        end = await fill(connection, filled, progress=lambda _: None)
        begin = await connection.fetchval("SELECT min(created_at) FROM execution_logs")
        async with costing(process, connection, costs):
            await count_buckets(connection, begin, end)
        async with costing(process, connection, costs):
            await connection.execute(widen, timeout=TIMEOUT_SECONDS)
        following = 1 + await connection.fetchval("SELECT max(id) FROM execution_logs")
        bound = "ALTER TABLE execution_logs ADD CONSTRAINT first CHECK (id < {}) NOT VALID"
        await connection.execute(bound.format(following))
        async with costing(process, connection, costs):
            await connection.execute("ALTER TABLE execution_logs VALIDATE CONSTRAINT first")
        async with costing(process, connection, costs), connection.transaction():
            await connection.execute(INTO_PARTITIONS.format(next=following))
            for (index,) in await connection.fetch(SELECT_INDEXES):
                await connection.execute(index)
        async with costing(process, connection, costs):
            await connection.execute("DROP TABLE execution_logs_first")
    names = ("count", "widen", "validate the bound", "divide", "drop a partition")
    return dict(zip(names, costs, strict=True))


def show(
    costs: dict[str, tuple[list[Cost], dict[str, dict[str, float]]]], count: int
) -> Iterator[Table]:
    """Make tables of what a row takes."""
    table = Table(title=f"A row, of {count:,}: bytes, and PostgreSQL's CPU")
    for column in ("", "heap", "TOAST", "indexes", "disk", "WAL", "CPU us"):
        table.add_column(column, justify="right" if column else "left")
    for kind, (several, sizes) in costs.items():
        for part, by in sizes.items():
            cells = [by["heap"], by["toast"], by["indexes"], sum(by.values())]
            table.add_row(f"{kind}: {part}", *(f"{size:,.0f}" for size in cells), "", "")
        whole = sum(sum(by.values()) for by in sizes.values())
        wal = sum(one.wal_bytes for one in several) / count
        cpu = " + ".join(f"{one.cpu_seconds / count * 1e6:,.0f}" for one in several)
        table.add_row(f"[b]{kind}", "", "", "", f"[b]{whole:,.0f}", f"{wal:,.0f}", cpu)
    yield table


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decisions.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=5000, help="rows of each kind")
    parser.add_argument("--filled", type=int, default=200_000, help="rows of the larger log")
    options = parser.parse_args(arguments)
    console = Console(width=110)
    kinds = {
        "guide's route": make_guide_row,
        "door, scored": make_door_row,
        "door, not chosen": make_unscored_row,
    }
    with temporary_postgres(ROOT / "db" / "schema.sql") as server:
        place = server.database_url, psutil.Process(server.status().pid)
        costs = {
            kind: asyncio.run(measure_rows(*place, make, options.rows))
            for kind, make in kinds.items()
        }
        for table in show(costs, options.rows):
            console.print(table)
        prompts = asyncio.run(measure_prompts(*place, options.rows))
        console.print(f"a prompt read: CPU {prompts.cpu_seconds / options.rows * 1e6:.0f} us")
        for what, cost in asyncio.run(measure_statements(*place, options.filled)).items():
            console.print(
                f"{what}, {options.filled:,} rows: {cost.seconds:.2f} s, CPU "
                f"{cost.cpu_seconds / options.filled * 1e6:.1f} us a row, WAL "
                f"{cost.wal_bytes / options.filled:,.0f} bytes a row"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
