"""Shared parts of all runs: send traffic, run the Optimizer, observe what it did."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from benchmarks.healing.inputs import Pools
from benchmarks.healing.lane.database import Serving
from benchmarks.healing.lane.lane import Lane
from benchmarks.healing.records import Measurement, RunRecord
from benchmarks.healing.runs.held_out import HeldOutMeter
from benchmarks.healing.runs.naive import judge_naive
from benchmarks.healing.schedule import Run
from services.common.errors import ServiceError
from services.optimizer.app.runs import optimize, watch_continuously

STOP_SECONDS: Final = 15.0
PROMOTED: Final = "promoted"


@dataclass(frozen=True, slots=True)
class Pace:
    """Pace of the traffic with a model.

    Attributes:
        before: Requests before anything goes wrong, at least and at most.
        concurrency: Requests at a time, while no heal is waited for.
        pause_seconds: Between requests, while a heal is waited for.
        most_requests: That it may take until a heal of the incident promotes something.
        patience_seconds: How long a heal is waited for after the last of them.
        idle_seconds: How long no model is called before nothing is waited for any more.
    """

    before: tuple[int, int]
    concurrency: int
    pause_seconds: float
    most_requests: int
    patience_seconds: float
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class Bench:
    """Inputs and measurements that all runs of a benchmark share.

    Attributes:
        pools: Requests.
        pace: How they flow.
        meter: Measures prompts.
        seed_prompt: The good prompt.
        good: How it does on the held-out inputs.
    """

    pools: Pools
    pace: Pace
    meter: HeldOutMeter
    seed_prompt: str
    good: Measurement


@dataclass(frozen=True, slots=True)
class Moment:
    """Time at which the trouble began, and the prompt that served then."""

    incumbent: Serving
    at: datetime


async def send_all(lane: Lane, texts: Sequence[str], *, concurrency: int) -> None:
    """Send requests, a few at a time; their failures are what the runs are about."""
    waiting = iter(texts)

    async def send() -> None:
        for text in waiting:
            await lane.send(text)

    async with asyncio.TaskGroup() as senders:
        for _ in range(concurrency):
            senders.create_task(send())


async def send_history(lane: Lane, texts: Sequence[str], bench: Bench) -> None:
    """Send what is asked before anything goes wrong; the model is asked for each answer once."""
    with lane.endpoint.remembering():
        await send_all(lane, texts, concurrency=bench.pace.concurrency)


@asynccontextmanager
async def continuous_mode(lane: Lane) -> AsyncIterator[None]:
    """Let the Optimizer watch the lane meanwhile.

    Raises:
        BaseException: Whatever the Optimizer ended with, unasked.
    """
    end = asyncio.Event()
    watching = asyncio.create_task(watch_continuously(lane.settings, stop=end))
    try:
        yield
    finally:
        end.set()
        async with asyncio.timeout(STOP_SECONDS):
            await watching


async def optimize_once(lane: Lane, record: RunRecord) -> None:
    """Run the Optimizer once; a failure of the run is a result like any other."""
    try:
        await optimize(lane.settings)
    except ServiceError as error:
        record.error = error.code


async def note_trouble(lane: Lane) -> Moment:
    """Remember what serves now."""
    return Moment(await lane.database.serving(), await lane.database.now())


async def begin_record(
    lane: Lane, run: Run, bench: Bench, moment: Moment, *, verdicts: tuple[str, ...]
) -> RunRecord:
    """Begin a record with what was measured before any heal."""
    before = await bench.meter.measure(lane, moment.incumbent.content)
    return RunRecord(
        group=run.group,
        scenario=run.scenario.name,
        kind=run.scenario.kind,
        mode=run.mode,
        seed=run.seed,
        verdicts=verdicts,
        good=bench.good.mean,
        before=before.mean,
        naive=await judge_naive(lane, bench.meter, triggered=False),
        empty=(await bench.meter.measure(lane, "")).mean,
    )


async def complete_record(lane: Lane, bench: Bench, moment: Moment, record: RunRecord) -> None:
    """Fill in what the Optimizer did, and what the naive healer would have done."""
    database = lane.database
    third = await database.third_failure(moment.at)
    record.naive = await judge_naive(lane, bench.meter, triggered=third is not None)
    runs = await database.healing_runs()
    record.looked_into = bool(runs)
    record.reasons = [f"{one.decision}: {one.reason}" for one in runs]
    record.calls = [one.calls for one in runs]
    record.heal_seconds = [one.seconds for one in runs]
    record.active_prompts = await database.count_active()
    if runs:
        first = runs[0]
        record.verdict = first.verdict
        record.requests_until_detection = await database.count_requests(moment.at, first.started_at)
    decisions = [one.decision for one in runs]
    if PROMOTED not in decisions:
        return
    record.promoting = decisions.index(PROMOTED)
    record.strategy = runs[record.promoting].strategy
    served = await database.prompt_after(moment.incumbent.id)
    record.after = (await bench.meter.measure(lane, served.content)).mean
    if third is not None:
        activated = await database.activated_at(served.id)
        record.seconds_to_serving = (activated - third).total_seconds()
    if record.is_harmful:
        record.outlived_watch = (await database.serving()).content == served.content
