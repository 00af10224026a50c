"""Runs the benchmark: measures what counts, spreads the runs over the lanes, collects records."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from benchmarks.healing.held_out import HeldOutMeter
from benchmarks.healing.inputs import LOCAL, read_pools
from benchmarks.healing.lane import Lane
from benchmarks.healing.records import Measurement, RunRecord
from benchmarks.healing.regression_run import run_regression
from benchmarks.healing.restart_run import run_restart
from benchmarks.healing.running import Bench, Pace
from benchmarks.healing.scenarios import PromptScenario, Scenarios, read_scenarios
from benchmarks.healing.schedule import CONTROL, REGRESSION, Run
from benchmarks.healing.selection import Choice, choose_controls, choose_regressions
from benchmarks.healing.steady_run import DATABASE_RESTART, run_control, run_fault

PACES = {
    "simulated": Pace(
        concurrency=4, pause_seconds=0.05, most_requests=40, patience_seconds=15.0
    ),
    LOCAL: Pace(concurrency=1, pause_seconds=3.0, most_requests=24, patience_seconds=300.0),
}
MEASURING_CONCURRENCY = {"simulated": 4, LOCAL: 1}

Progress = Callable[[str], None]
Done = Callable[[RunRecord], None]


@dataclass(frozen=True, slots=True)
class Selection:
    """What counts on the model at hand, and what doesn't.

    Attributes:
        good: How the seed prompt does.
        regressions: Every regression that was asked for, measured.
        controls: Every control that was asked for, measured.
        scenarios: Those that count, and the faults.
    """

    good: Measurement
    regressions: tuple[Choice, ...]
    controls: tuple[Choice, ...]
    scenarios: Scenarios


async def prepare_bench(lane: Lane, model: str) -> tuple[Bench, Scenarios]:
    """Measure the good prompt, and read all scenarios against it."""
    pools = read_pools(model)
    seed_prompt = await lane.database.seed_prompt()
    meter = HeldOutMeter(pools.held_out, MEASURING_CONCURRENCY[model])
    good = await meter.measure(lane, seed_prompt)
    bench = Bench(pools, PACES[model], meter, seed_prompt, good)
    return bench, read_scenarios(seed_prompt)


async def select_scenarios(
    lane: Lane, bench: Bench, scenarios: Scenarios, *, progress: Progress
) -> Selection:
    """Measure regressions and controls on held-out inputs; keep those that are what they seem."""
    measured: dict[str, Measurement] = {}
    for scenario in (*scenarios.regressions, *scenarios.controls):
        progress(f"measuring {scenario.name}")
        measured[scenario.name] = await bench.meter.measure(lane, scenario.text)
    regressions = choose_regressions(scenarios.regressions, bench.good, measured)
    controls = choose_controls(scenarios.controls, bench.good, measured)
    return Selection(
        good=bench.good,
        regressions=tuple(regressions),
        controls=tuple(controls),
        scenarios=Scenarios(
            tuple(one.scenario for one in regressions if not one.left_out),
            tuple(one.scenario for one in controls if not one.left_out),
            scenarios.faults,
        ),
    )


async def run_all(
    lanes: Sequence[Lane],
    bench: Bench,
    runs: Sequence[Run],
    bad_prompts: Sequence[PromptScenario],
    *,
    done: Done,
) -> list[RunRecord]:
    """Do all runs, as many at a time as there are lanes."""
    waiting = iter(runs)
    numbers = count()
    records: dict[int, RunRecord] = {}

    async def work(lane: Lane) -> None:
        for number, run in _numbered(waiting, numbers):
            records[number] = await do_run(lane, run, bench, bad_prompts)
            done(records[number])

    async with asyncio.TaskGroup() as workers:
        for lane in lanes:
            workers.create_task(work(lane))
    return [records[number] for number in sorted(records)]


async def do_run(
    lane: Lane, run: Run, bench: Bench, bad_prompts: Sequence[PromptScenario]
) -> RunRecord:
    """Do one run, timed."""
    started = time.monotonic()
    if run.group == REGRESSION:
        record = await run_regression(lane, run, bench)
    elif run.group == CONTROL:
        record = await run_control(lane, run, bench)
    elif run.scenario.name == DATABASE_RESTART:
        bad = random.Random(run.seed).choice(bad_prompts)
        record = await run_restart(lane, run, bench, bad)
    else:
        record = await run_fault(lane, run, bench)
    record.seconds = time.monotonic() - started
    return record


def _numbered(runs: Iterator[Run], numbers: Iterator[int]) -> Iterator[tuple[int, Run]]:
    """Pairs of which each lane takes the next; `zip` would take a run more than it gives."""
    for run in runs:
        yield next(numbers), run
