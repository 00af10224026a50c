"""What a month of spending takes to read, before and after it is added up by the hour.

Calls of a month go into a temporary, durable PostgreSQL: 20 task types, 3 purposes, 5 models, drawn
evenly. The month and its last day are read, the calls are added up as a Manager does, and both are
read again. CPU is that of PostgreSQL's processes, the mean of several runs, so that other work on
the machine matters little.

examples:
  python -m benchmarks.decisions.spending
  python -m benchmarks.decisions.spending --calls 100000 --runs 3
"""

import argparse
import asyncio
import statistics
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import psutil
from rich.console import Console

from benchmarks.measured_system import read_cpu
from benchmarks.temporary_postgres import temporary_postgres
from services.common.costs.hours import MERGE, MERGED_AT_ONCE, SELECT_SPENT
from services.common.database import connect

SCHEMA = Path(__file__).parents[2] / "db" / "schema.sql"
TIMEOUT_SECONDS = 3600.0
DAYS = 31
END = datetime(2026, 11, 1, tzinfo=UTC)
FILL = """
    INSERT INTO selfheal.spending (at, task_type, purpose, model, calls, unpriced_calls,
                                   input_tokens, cached_tokens, output_tokens, cost_usd)
    SELECT $2::timestamptz - i * $3::interval / $1, 'task_' || (random() * 19)::int,
           (ARRAY['serving', 'judging', 'healing'])[1 + i % 3],
           'openai:model-' || (random() * 4)::int, 1, 0, 640, 128, 220, 0.000384
    FROM generate_series(1, $1) AS i
"""


async def measure(
    database_url: str, server: psutil.Process, calls: int, runs: int, tell: Console
) -> None:
    """Fill, read, add up and read again; print each."""
    async with connect(database_url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        await connection.execute("SELECT setseed(0.5)")
        await connection.execute(FILL, calls, END, timedelta(days=DAYS))
        await read(connection, server, runs, tell, "calls")
        rounds, is_more = [], True
        while is_more:
            before = read_cpu(server)
            is_more = await connection.fetchval(MERGE)
            rounds.append(read_cpu(server) - before)
        tell.print(f"adding up {MERGED_AT_ONCE:,} calls: CPU {_mean_ms(rounds)}")
        await read(connection, server, runs, tell, "hours")


async def read(
    connection: asyncpg.Connection, server: psutil.Process, runs: int, tell: Console, what: str
) -> None:
    """Read the month and its last day, as the console and `selfheal costs` do."""
    await connection.execute("VACUUM ANALYZE selfheal.spending")
    for name, since in (("month", END - timedelta(days=DAYS)), ("day", END - timedelta(days=1))):
        count = await connection.fetchval(
            "SELECT count(*) FROM selfheal.spending WHERE at >= $1", since
        )
        spent = []
        for _ in range(runs):
            before = read_cpu(server)
            await connection.fetch(SELECT_SPENT, since, None)
            spent.append(read_cpu(server) - before)
        tell.print(f"a {name} of {count:,} {what}: CPU {_mean_ms(spent)}")


def _mean_ms(seconds: list[float]) -> str:
    return f"{statistics.fmean(seconds) * 1000:.0f} ms"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decisions.spending",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--calls", type=int, default=1_000_000, help="default 1,000,000")
    parser.add_argument("--runs", type=int, default=5, help="of each reading; default 5")
    options = parser.parse_args(arguments)
    console = Console(width=110, highlight=False)
    with temporary_postgres(SCHEMA) as server:
        process = psutil.Process(server.status().pid)
        asyncio.run(measure(server.database_url, process, options.calls, options.runs, console))
    return 0


if __name__ == "__main__":
    sys.exit(main())
