"""Runs in which a prompt is to stay as it is: no-harm controls, and faults of everything else."""

from typing import Final

from benchmarks.healing.lane.evaluator_switch import EvaluatorCondition
from benchmarks.healing.lane.lane import Lane
from benchmarks.healing.lane.model_endpoint import ModelCondition
from benchmarks.healing.records import RunRecord
from benchmarks.healing.runs.running import (
    Bench,
    begin_record,
    complete_record,
    note_trouble,
    optimize_once,
    send_all,
    send_history,
)
from benchmarks.healing.scenarios import Fault, PromptScenario
from benchmarks.healing.schedule import (
    WITH_HISTORY,
    Run,
    Traffic,
    plan_flood,
    plan_healthy,
    plan_steady,
)

FLOOD: Final = "garbage_flood"
DATABASE_RESTART: Final = "database_restart"
MODEL_FAULTS: Final = frozenset(ModelCondition) - {ModelCondition.WELL}
EVALUATOR_FAULTS: Final = frozenset(EvaluatorCondition) - {EvaluatorCondition.WELL}
# Every request waits for its retries, or for its timeout.
REQUESTS_UNDER_FAULT: Final = 12
SCORED_TIMES: Final = 2
REQUESTS_AFTERWARDS: Final = 4


async def run_control(lane: Lane, run: Run, bench: Bench) -> RunRecord:
    """Deploy an odd prompt that does no harm, and have the Optimizer look, twice."""
    assert isinstance(run.scenario, PromptScenario)
    traffic = plan_steady(run, bench.pools, before=bench.pace.before)
    has_history = run.mode == WITH_HISTORY
    await lane.database.reset(bench.seed_prompt if has_history else run.scenario.text)
    await send_history(lane, traffic.before, bench)
    if has_history:
        await lane.database.deploy(run.scenario.text)
    moment = await note_trouble(lane)
    record = await begin_record(lane, run, bench, moment, verdicts=())
    await send_all(lane, traffic.after, concurrency=bench.pace.concurrency)
    await _look_twice(lane, bench, record, traffic.after)
    await complete_record(lane, bench, moment, record)
    return record


async def run_fault(lane: Lane, run: Run, bench: Bench) -> RunRecord:
    """Let something fail under a good prompt, and have the Optimizer look while it does."""
    assert isinstance(run.scenario, Fault)
    fault = run.scenario
    traffic = plan_traffic(run, fault, bench)
    await lane.database.reset(bench.seed_prompt)
    await send_history(lane, traffic.before, bench)
    moment = await note_trouble(lane)
    try:
        is_worse = fault.name == ModelCondition.WORSE
        if is_worse:
            lane.endpoint.condition = ModelCondition.WORSE
        record = await begin_record(lane, run, bench, moment, verdicts=fault.verdicts)
        set_fault(lane, fault.name)
        concurrency = bench.pace.concurrency if is_worse else REQUESTS_UNDER_FAULT
        await send_all(lane, traffic.after, concurrency=concurrency)
        await _look_twice(lane, bench, record, ())
        if not is_worse:
            lane.repair_everything()
        await send_all(
            lane, traffic.after[:REQUESTS_AFTERWARDS], concurrency=bench.pace.concurrency
        )
        await optimize_once(lane, record)
        await complete_record(lane, bench, moment, record)
    finally:
        lane.repair_everything()
    return record


def set_fault(lane: Lane, name: str) -> None:
    """Let a lane's model or Evaluator fail as the name says; other faults need no switch."""
    if name in MODEL_FAULTS:
        lane.endpoint.condition = ModelCondition(name)
    elif name in EVALUATOR_FAULTS:
        lane.switch.condition = EvaluatorCondition(name)


def plan_traffic(run: Run, fault: Fault, bench: Bench) -> Traffic:
    """Plan the traffic under a fault.

    A flaky provider gets requests that don't fail by themselves: what is to blame is to be clear.
    """
    before = bench.pace.before
    if fault.name == FLOOD:
        return plan_flood(run, bench.pools, before=before)
    if fault.name == ModelCondition.FLAKY:
        return plan_healthy(run, bench.pools, before=before, requests=REQUESTS_UNDER_FAULT)
    changes_scores = fault.name in (ModelCondition.WORSE, EvaluatorCondition.CHANGED)
    times = SCORED_TIMES if changes_scores else 1
    requests = times * REQUESTS_UNDER_FAULT
    return plan_steady(run, bench.pools, before=before, requests=requests)


async def _look_twice(lane: Lane, bench: Bench, record: RunRecord, more: tuple[str, ...]) -> None:
    """Run the Optimizer twice, with a little more traffic in between."""
    await optimize_once(lane, record)
    await send_all(lane, more[:REQUESTS_AFTERWARDS], concurrency=bench.pace.concurrency)
    await optimize_once(lane, record)
