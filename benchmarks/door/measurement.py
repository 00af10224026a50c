"""Measures for `benchmarks.door`: all targets in turn, in each round, before one provider."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.door.figures import Case, Cost, summarize
from benchmarks.door.targets import (
    PROXY,
    Target,
    add_unscored_task_type,
    list_targets,
    start_litellm,
)
from benchmarks.instant_endpoint import CHUNKS
from benchmarks.load_generator import Load
from benchmarks.measured_system import (
    SERVICES,
    MeasuredSystem,
    MeasurementError,
    run_measured_system,
    stop,
)
from benchmarks.overhead.figures import MANY, ONE, Machine
from benchmarks.overhead.measurement import ROOT, busy_seconds, measure_pace
from services.common.database import connect

OPEN_LOOP = 0
LOADS = (ONE, MANY, OPEN_LOOP)
WARM_UP_SECONDS = 3.0
DRAIN_TIMEOUT_SECONDS = 120.0
LOOK_SECONDS = 0.05
# The chunk with the role, which comes with the first piece, that with the reason, and the usage
# where it was asked for.
MORE_EVENTS = (1, 3)

ANY_PENDING = "SELECT EXISTS (SELECT FROM selfheal.pending_scores)"

Progress = Callable[[str], None]


def measure(
    *, rounds: int, seconds: float, rate: float, litellm: Path | None, progress: Progress
) -> dict[Case, list[Cost]]:
    """Measure each target under each load, once a round.

    Args:
        rounds: How many.
        seconds: Length of a load.
        rate: Requests a second of the open loop.
        litellm: LiteLLM's program, where it is to be measured.
        progress: Told what is being done.

    Raises:
        MeasurementError: If a target doesn't do what is to be measured.
    """
    costs: dict[Case, list[Cost]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="selfheal-door-") as directory,
        run_measured_system(Path(directory)) as system,
    ):
        progress("starting the services")
        add_unscored_task_type(system.directory, system.credentials.database_url)
        for service in SERVICES:
            system.start_service(service)
        try:
            url = start_litellm(litellm, system) if litellm else None
            targets = list_targets(system, url)
            for target in targets.values():
                _warm_up(system, target)
            for number in range(1, rounds + 1):
                for case in (Case(name, load) for load in LOADS for name in targets):
                    progress(f"round {number} of {rounds}: {describe_case(case, rate)}")
                    target = targets[case.target]
                    cost = _measure_case(system, target, case.connections, seconds, rate)
                    costs.setdefault(case, []).append(cost)
        finally:
            if PROXY in system.processes:
                stop(system.processes.pop(PROXY))
    return costs


def describe_case(case: Case, rate: float) -> str:
    """Name a case for people."""
    if case.connections == OPEN_LOOP:
        return f"{case.target}, open loop of {rate:g}/s"
    return f"{case.target}, {case.connections} connection(s)"


def _warm_up(system: MeasuredSystem, target: Target) -> None:
    _generate_load(target, MANY, WARM_UP_SECONDS, 0)
    _await_scores(system)


def _measure_case(
    system: MeasuredSystem, target: Target, connections: int, seconds: float, rate: float
) -> Cost:
    pace_before = measure_pace()
    before, machine_before, started = system.cpu_seconds(), busy_seconds(), time.perf_counter()
    load = _generate_load(target, connections, seconds, 0 if connections else rate)
    if target.is_scored_later:
        _await_scores(system)
    after, machine_after, ended = system.cpu_seconds(), busy_seconds(), time.perf_counter()
    spent = {name: after[name] - before[name] for name in before}
    ours = sum(spent.values()) + load.process_cpu_seconds
    others_cores = max(0.0, machine_after - machine_before - ours) / (ended - started)
    machine = Machine((pace_before + measure_pace()) / 2, others_cores)
    return summarize(load, {name: spent[name] for name in target.parts}, machine)


def _generate_load(target: Target, connections: int, seconds: float, rate: float) -> Load:
    """Run the load generator in a process of its own.

    Raises:
        MeasurementError: If a request failed, or a stream wasn't one of all its pieces.
    """
    command = (
        sys.executable, "-m", "benchmarks.load_generator", "--url", target.url,
        "--body", target.body.decode(), "--connections", str(connections),
        "--seconds", str(seconds), "--rate", str(rate),
    )  # fmt: skip
    finished = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    load = Load(**json.loads(finished.stdout))
    if (failed := load.failures + len(load.refused_ms)) or not load.latencies_ms:
        raise MeasurementError(f"{failed} requests failed, one so: {load.last_answer}")
    if target.is_stream:
        more = load.events / len(load.latencies_ms) - CHUNKS
        if not MORE_EVENTS[0] <= more <= MORE_EVENTS[1]:
            raise MeasurementError(f"streams had {more:+.1f} events beside the {CHUNKS} pieces")
    return load


def _await_scores(system: MeasuredSystem) -> None:
    """Wait until no answer waits for its score."""
    asyncio.run(_await_no_pending(system.credentials.database_url))


async def _await_no_pending(database_url: str) -> None:
    async with (
        asyncio.timeout(DRAIN_TIMEOUT_SECONDS),
        connect(database_url, timeout_seconds=DRAIN_TIMEOUT_SECONDS) as connection,
    ):
        while await connection.fetchval(ANY_PENDING):  # noqa: ASYNC110 - it is in the database
            await asyncio.sleep(LOOK_SECONDS)
