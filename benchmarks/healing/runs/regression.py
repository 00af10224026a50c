"""One run of a regression: a bad prompt is deployed while the Optimizer watches."""

import asyncio
import time

from benchmarks.healing.lane.lane import Lane
from benchmarks.healing.records import RunRecord
from benchmarks.healing.runs.running import (
    Bench,
    Moment,
    begin_record,
    complete_record,
    continuous_mode,
    note_trouble,
    send_history,
)
from benchmarks.healing.scenarios import PromptScenario
from benchmarks.healing.schedule import WITH_HISTORY, Run, plan_healthy

POLL_SECONDS = 0.05
# So much traffic has the watch to find out that a promotion does harm.
WATCH_REQUESTS = 60


async def run_regression(lane: Lane, run: Run, bench: Bench) -> RunRecord:
    """Deploy the bad prompt in place of the good one, or as the only one there ever was."""
    assert isinstance(run.scenario, PromptScenario)
    bad = run.scenario.text
    pace = bench.pace
    traffic = plan_healthy(run, bench.pools, before=pace.before, requests=pace.most_requests)
    if run.mode == WITH_HISTORY:
        await lane.database.reset(bench.seed_prompt)
        await send_history(lane, traffic.before, bench)
        await lane.database.deploy(bad)
    else:
        await lane.database.reset(bad)
    moment = await note_trouble(lane)
    record = await begin_record(lane, run, bench, moment, verdicts=("prompt",))
    async with continuous_mode(lane):
        await _send_until_healed(lane, traffic.after, bench, moment)
        await complete_record(lane, bench, moment, record)
        if record.is_harmful:
            await _let_watch(lane, bench, traffic.after, record)
    return record


async def _send_until_healed(
    lane: Lane, texts: tuple[str, ...], bench: Bench, moment: Moment
) -> None:
    for text in texts:
        await lane.send(text)
        if await _is_healed(lane, moment):
            return
        await asyncio.sleep(bench.pace.pause_seconds)
    await _wait_for_heal(lane, bench, moment)


async def _wait_for_heal(lane: Lane, bench: Bench, moment: Moment) -> None:
    """Wait while a heal is under way: one that calls the model, and hasn't ended in a record."""
    known = len(await lane.database.healing_runs())
    calls, called_at = lane.endpoint.calls, time.monotonic()
    give_up_at = called_at + bench.pace.patience_seconds
    while time.monotonic() < min(give_up_at, called_at + bench.pace.idle_seconds):
        if await _is_healed(lane, moment) or len(await lane.database.healing_runs()) > known:
            return
        if lane.endpoint.calls != calls:
            calls, called_at = lane.endpoint.calls, time.monotonic()
        await asyncio.sleep(POLL_SECONDS)


async def _is_healed(lane: Lane, moment: Moment) -> bool:
    return (await lane.database.serving()).id != moment.incumbent.id


async def _let_watch(lane: Lane, bench: Bench, texts: tuple[str, ...], record: RunRecord) -> None:
    """Go on with traffic, so that the watch can see what the promotion does."""
    promoted = await lane.database.serving()
    for number in range(WATCH_REQUESTS):
        await lane.send(texts[number % len(texts)])
        if (await lane.database.serving()).id != promoted.id:
            break
        await asyncio.sleep(bench.pace.pause_seconds)
    record.outlived_watch = (await lane.database.serving()).content == promoted.content
