"""Runs the benchmark: measures what counts, spreads the runs over the lanes, collects records."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.healing.inputs import LOCAL, SIMULATED, read_pools
from benchmarks.healing.journal import Journal
from benchmarks.healing.lane.lane import Lane
from benchmarks.healing.records import (
    CONTROL,
    REGRESSION,
    Measurement,
    RunRecord,
    read_record,
)
from benchmarks.healing.runs.held_out import HeldOutMeter
from benchmarks.healing.runs.regression import run_regression
from benchmarks.healing.runs.restart import run_restart
from benchmarks.healing.runs.running import Bench, Pace
from benchmarks.healing.runs.steady import DATABASE_RESTART, run_control, run_fault
from benchmarks.healing.scenarios import PromptScenario, Scenarios, read_scenarios
from benchmarks.healing.schedule import MODES, Run
from benchmarks.healing.selection import Choice, judge_control, judge_regression

PACES = {
    SIMULATED: Pace(
        before=(8, 12),
        concurrency=4,
        pause_seconds=0.05,
        most_requests=40,
        patience_seconds=15.0,
        idle_seconds=2.0,
    ),
    LOCAL: Pace(
        before=(40, 60),
        concurrency=1,
        pause_seconds=1.0,
        most_requests=144,  # as many as an incident of the noisy model's
        patience_seconds=300.0,
        idle_seconds=20.0,
    ),
}
MEASURING_CONCURRENCY = {SIMULATED: 4, LOCAL: 1}

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Extent:
    """Number of scenarios and of runs.

    Attributes:
        regressions: How many regressions; None for all that count.
        controls: How many controls; None for all that count.
        faults: Which faults; None for all.
        regression_seeds: Runs of each regression in each mode.
        other_seeds: Runs of each control and of each fault.
        modes: The regressions' histories.
        first: Names of what is tried first, where not all is run.
    """

    regressions: int | None
    controls: int | None
    faults: tuple[str, ...] | None
    regression_seeds: int
    other_seeds: int
    modes: Sequence[str] = MODES
    first: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """Scenarios that were measured on the model at hand, and which of them count.

    Attributes:
        good: How the seed prompt does.
        regressions: The regressions that were measured.
        controls: The controls that were measured.
    """

    good: Measurement
    regressions: tuple[Choice, ...]
    controls: tuple[Choice, ...]

    def counting(self, choices: Sequence[Choice]) -> list[PromptScenario]:
        """Take the measured scenarios that count."""
        return [one.scenario for one in choices if not one.left_out]


async def prepare_bench(lane: Lane, model: str) -> tuple[Bench, Scenarios]:
    """Measure the good prompt, and read all scenarios against it."""
    pools = read_pools(model)
    seed_prompt = await lane.database.seed_prompt()
    meter = HeldOutMeter(pools.held_out, MEASURING_CONCURRENCY[model])
    good = await meter.measure(lane, seed_prompt)
    bench = Bench(pools, PACES[model], meter, seed_prompt, good)
    return bench, read_scenarios(seed_prompt)


async def select_scenarios(
    lanes: Sequence[Lane], bench: Bench, scenarios: Scenarios, extent: Extent, *, tell: Tell
) -> Selection:
    """Measure regressions and controls on held-out inputs; keep those that are what they seem.

    Where not all are wanted, it ends once there are enough.
    """
    regressions: list[Choice] = []
    controls: list[Choice] = []
    for choices, asked_for, judge, wanted in (
        (regressions, scenarios.regressions, judge_regression, extent.regressions),
        (controls, scenarios.controls, judge_control, extent.controls),
    ):
        for batch in _batches(asked_for, len(lanes)):
            if wanted is not None and sum(not one.left_out for one in choices) >= wanted:
                break
            tell(f"measuring {', '.join(scenario.name for scenario in batch)}")
            measured = await asyncio.gather(
                *(
                    bench.meter.measure(lane, scenario.text)
                    for lane, scenario in zip(lanes, batch, strict=False)
                )
            )
            choices += [
                judge(scenario, bench.good, measurement)
                for scenario, measurement in zip(batch, measured, strict=True)
            ]
    return Selection(bench.good, tuple(regressions), tuple(controls))


async def run_all(
    lanes: Sequence[Lane],
    bench: Bench,
    runs: Sequence[Run],
    bad_prompts: Sequence[PromptScenario],
    journal: Journal,
    *,
    done: Callable[[Run], None],
) -> tuple[list[RunRecord], list[str]]:
    """Do all runs, as many at a time as there are lanes.

    Returns:
        The records in the order of the runs, and what ended those that have none.
    """
    waiting = iter(enumerate(runs))
    records: dict[int, RunRecord] = {}
    failures: list[str] = []

    async def work(lane: Lane) -> None:
        for number, run in waiting:
            known = journal.find(run.title)
            try:
                if known is not None:
                    records[number] = read_record(known)
                else:
                    records[number] = await do_run(lane, run, bench, bad_prompts)
                    journal.add(run.title, records[number].as_json())
            except Exception as error:  # noqa: BLE001 - whatever ends one run ends no other
                failures.append(f"{run.title}: {describe_failure(error)}")
            done(run)

    async with asyncio.TaskGroup() as workers:
        for lane in lanes:
            workers.create_task(work(lane))
    return [records[number] for number in sorted(records)], failures


async def do_run(
    lane: Lane, run: Run, bench: Bench, bad_prompts: Sequence[PromptScenario]
) -> RunRecord:
    """Do one run, timed."""
    await lane.settle()
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


def describe_failure(error: BaseException) -> str:
    """Describe an error on one line; of several that came together, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return " ".join(f"{type(error).__name__}: {error}".split())


def _batches(scenarios: Sequence[PromptScenario], size: int) -> Iterator[Sequence[PromptScenario]]:
    for start in range(0, len(scenarios), size):
        yield scenarios[start : start + size]
