"""Measures runs in the sandbox: the time of one, how many fit in a second, the effect of loops.

examples:
  python -m benchmarks.decisions.sandbox
  python -m benchmarks.decisions.sandbox --runs 10000 --json
  python -m benchmarks.decisions.sandbox --modules numpy,pandas
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import psutil
from rich.console import Console
from rich.table import Table

from services.evaluator.app.sandbox import JailSandbox

PROGRAM = """
def fibonacci(n: int) -> int:
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a
"""
STEPS = ["fibonacci(0)", "fibonacci(10)", "fibonacci(90)"]
VALUES = [0, 55, 2880067194370816120]
LOOP = "while True: pass"
LOOPS = 10
CONCURRENT = 4


@dataclass(frozen=True)
class Figures:
    """Times and rates of runs in the sandbox.

    Attributes:
        start_ms: From nothing to the first run's end.
        alone_median_ms: A run with nothing beside it.
        alone_p99_ms: The 99th percentile of the same.
        alone_peak_mb: The largest resident set of a run, what it shares with others included.
        runs_per_second: With four under way.
        beside_loops_median_ms: A run beside ten endless loops.
        beside_loops_p99_ms: The 99th percentile of the same.
        busy_percent: How busy the machine's processors were with other things, before.
    """

    runs: int
    start_ms: float
    alone_median_ms: float
    alone_p99_ms: float
    alone_peak_mb: float
    runs_per_second: float
    beside_loops_median_ms: float
    beside_loops_p99_ms: float
    busy_percent: float


async def run_once(sandbox: JailSandbox) -> float:
    """Run once, check the values, and return the milliseconds that it took."""
    started = time.perf_counter()
    execution = await sandbox.run(PROGRAM, STEPS)
    elapsed = (time.perf_counter() - started) * 1000
    if [step.value for step in execution.steps] != VALUES:
        raise SystemExit(f"a run went wrong: {execution}")
    return elapsed


async def measure(runs: int, modules: Sequence[str]) -> Figures:
    """Measure all figures, one after the other."""
    busy = await asyncio.to_thread(psutil.cpu_percent, 1.0)
    sandbox = JailSandbox(modules=modules)
    started = time.perf_counter()
    availability = await sandbox.start()
    start_ms = (time.perf_counter() - started) * 1000
    if not availability.is_available:
        raise SystemExit(availability.problem)
    try:
        alone = [await run_once(sandbox) for _ in range(min(runs, 500))]
        peak = (await sandbox.run(PROGRAM, STEPS)).peak_memory_kb / 1024
        per_second = await measure_throughput(sandbox, runs)
        beside = await measure_beside_loops(sandbox)
    finally:
        await sandbox.close()
    return Figures(
        runs=runs,
        start_ms=start_ms,
        alone_median_ms=statistics.median(alone),
        alone_p99_ms=statistics.quantiles(alone, n=100)[-1],
        alone_peak_mb=peak,
        runs_per_second=per_second,
        beside_loops_median_ms=statistics.median(beside),
        beside_loops_p99_ms=statistics.quantiles(beside, n=100)[-1],
        busy_percent=busy,
    )


async def measure_throughput(sandbox: JailSandbox, runs: int) -> float:
    """Measure the runs a second, with a few under way."""

    async def work() -> None:
        for _ in range(runs // CONCURRENT):
            await run_once(sandbox)

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(CONCURRENT)))
    return runs // CONCURRENT * CONCURRENT / (time.perf_counter() - started)


async def measure_beside_loops(sandbox: JailSandbox) -> list[float]:
    """Time runs for 9 seconds, while ten endless loops are kept going beside them."""
    ends_at = time.perf_counter() + 9

    async def loop() -> None:
        while time.perf_counter() < ends_at:
            await sandbox.run(LOOP, [])

    loops = [asyncio.create_task(loop()) for _ in range(LOOPS)]
    taken = []
    while time.perf_counter() < ends_at:
        taken.append(await run_once(sandbox))
        await asyncio.sleep(0.01)
    for task in loops:
        task.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    return taken


def main() -> None:
    """Measure and print the figures from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2000, help="for the throughput (2000)")
    parser.add_argument("--modules", default="", help="as in SANDBOX_MODULES (none)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.runs, list(filter(None, arguments.modules.split(",")))))
    if arguments.json:
        sys.stdout.write(json.dumps(asdict(figures)) + "\n")
        return
    table = Table("figure", "value", title=f"Sandbox, {os.cpu_count()} processors")
    for name, value in asdict(figures).items():
        table.add_row(name.replace("_", " "), f"{value:,.1f}" if value % 1 else f"{value:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
