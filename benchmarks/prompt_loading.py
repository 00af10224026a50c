"""Measures what a request pays for the rollout that is read beside its prompt.

A temporary PostgreSQL holds many prompts and many ended rollouts. The query that reads the prompt
and the open rollout, with all that is done to choose the arm, is timed in turns with one that
reads the prompt alone: without an open rollout, and with one.

examples:
  python -m benchmarks.prompt_loading
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from uuid import uuid4

import asyncpg
from rich.console import Console
from rich.table import Table

from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.assembly import find_schema
from services.common.database import connect
from services.common.models import PROMPT_COLUMNS, Prompt
from services.worker.app.services.arms import assign, read_active_prompt
from services.worker.app.services.prompt_loader import SELECT_ACTIVE_PROMPT

TASK_TYPE = "code_generation"
TIMEOUT_SECONDS = 60.0
ROUNDS, CALLS = 20, 200
SELECT_PROMPT_ALONE = f"""
    SELECT {PROMPT_COLUMNS} FROM prompts WHERE task_type = $1 AND is_active = TRUE
    ORDER BY version DESC, id DESC LIMIT 1
"""
FILL = """
    INSERT INTO prompts (task_type, content, version, is_active)
    SELECT 't' || n % 50, repeat('x', 2000), n, n > 4950 FROM generate_series(1, 5000) AS n;
    INSERT INTO selfheal.rollouts (task_type, incumbent_prompt_id, incumbent_digest, candidate_id,
        content, reserved_version, steps, share, run_id, ended_at, outcome)
    SELECT 'code_generation', 1, '', gen_random_uuid(), repeat('x', 2000), n, '{0.1,1}', 0.1,
        gen_random_uuid(), now(), 'aborted' FROM generate_series(1, 2000) AS n;
    ANALYZE
"""
OPEN = """
    INSERT INTO selfheal.rollouts (task_type, incumbent_prompt_id, incumbent_digest, candidate_id,
        content, reserved_version, steps, share, run_id)
    VALUES ($1, $2, $3, $4, repeat('y', 2000), 2, '{0.1,1}', 0.1, $4)
"""

Load = Callable[[asyncpg.Connection], Awaitable[Prompt]]


async def load_alone(connection: asyncpg.Connection) -> Prompt:
    """Read the prompt alone."""
    [record] = await connection.fetch(SELECT_PROMPT_ALONE, TASK_TYPE)
    return Prompt(**record)


async def load_with_rollout(connection: asyncpg.Connection) -> Prompt:
    """Read the prompt and the rollout, and draw the arm."""
    [record] = await connection.fetch(SELECT_ACTIVE_PROMPT, TASK_TYPE)
    active = read_active_prompt(dict(record))
    if active.rollout is not None:
        assign(active.rollout, "somebody")
    return active.prompt


async def measure_us(connection: asyncpg.Connection) -> tuple[float, float]:
    """Measure both, in turns; gives the medians in microseconds."""
    times: dict[Load, list[float]] = {load_alone: [], load_with_rollout: []}
    for _ in range(ROUNDS):
        for load, measured in times.items():
            for _ in range(CALLS):
                started = time.perf_counter()
                await load(connection)
                measured.append(1e6 * (time.perf_counter() - started))
    return median(times[load_alone]), median(times[load_with_rollout])


async def measure(url: str) -> dict[str, tuple[float, float]]:
    """Measure without an open rollout and with one."""
    async with connect(url, timeout_seconds=TIMEOUT_SECONDS) as connection:
        await connection.execute(FILL)
        closed = await measure_us(connection)
        prompt = await load_alone(connection)
        await connection.execute(OPEN, TASK_TYPE, prompt.id, prompt.digest, uuid4())
        return {"no rollout is open": closed, "one is open": await measure_us(connection)}


def main() -> None:
    """Measure, and print a table."""
    with temporary_postgres(find_schema()) as postgres:
        measured = asyncio.run(measure(postgres.database_url))
    table = Table("median of a load", "prompt alone", "with its rollout", box=None)
    for case, (alone, beside) in measured.items():
        table.add_row(case, f"{alone:.0f} us", f"{beside:.0f} us")
    Console().print(table)


if __name__ == "__main__":
    main()
