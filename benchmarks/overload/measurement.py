"""Measures for `benchmarks.overload`: one system, one provider of few slots, four phases."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.door.targets import Target, add_unscored_task_type, list_targets
from benchmarks.load_generator import Load
from benchmarks.measured_system import (
    SERVICES,
    MeasuredSystem,
    MeasurementError,
    run_measured_system,
)
from benchmarks.overhead.figures import Machine
from benchmarks.overhead.measurement import ROOT, busy_seconds, measure_pace
from benchmarks.overload.figures import AFTER, CALM, HALF, OVERLOAD, Phase, summarize

CALM_SHARE = 0.2
HALF_SHARE = 0.5
WARM_UP_SECONDS = 3.0
# How long the system has to be as it was before.
RECOVERY_SECONDS = 5.0

Progress = Callable[[str], None]


def measure(
    *,
    target: str,
    slots: int,
    answer_seconds: float,
    refuses: bool,
    factor: float,
    seconds: float,
    progress: Progress,
) -> dict[str, Phase]:
    """Measure the phases one after the other.

    Args:
        target: The way in, by its name.
        slots: How many answers the provider gives at a time.
        answer_seconds: How long it takes for one.
        refuses: Whether it refuses others with 429, instead of letting them wait.
        factor: How many times what the provider can serve is sent.
        seconds: Length of a phase.
        progress: Told what is being done.

    Raises:
        MeasurementError: If nothing is answered in a phase.
    """
    capacity = slots / answer_seconds
    options = ("--slots", str(slots), "--answer-seconds", str(answer_seconds))
    with (
        tempfile.TemporaryDirectory(prefix="selfheal-overload-") as directory,
        run_measured_system(
            Path(directory), *options, *(("--refuse",) if refuses else ())
        ) as system,
    ):
        progress("starting the services")
        add_unscored_task_type(system.directory, system.credentials.database_url)
        for service in SERVICES:
            system.start_service(service)
        way_in = list_targets(system, None)[target]

        def run(name: str, rate: float, length_seconds: float = seconds) -> Phase:
            progress(f"{name}: {rate:g} requests a second for {length_seconds:g} s")
            return _measure_phase(system, way_in, rate, length_seconds)

        run("warming up", capacity * HALF_SHARE, WARM_UP_SECONDS)
        phases = {
            CALM: run(CALM, capacity * CALM_SHARE),
            HALF: run(HALF, capacity * HALF_SHARE),
            OVERLOAD: run(OVERLOAD, capacity * factor),
        }
        run("recovering", capacity * CALM_SHARE, RECOVERY_SECONDS)
        phases[AFTER] = run(AFTER, capacity * CALM_SHARE)
    return phases


def _measure_phase(system: MeasuredSystem, target: Target, rate: float, seconds: float) -> Phase:
    pace_before = measure_pace()
    before, machine_before, started = system.cpu_seconds(), busy_seconds(), time.perf_counter()
    load = _generate_load(target, rate, seconds)
    after, machine_after, ended = system.cpu_seconds(), busy_seconds(), time.perf_counter()
    spent = {name: after[name] - before[name] for name in before}
    ours = sum(spent.values()) + load.process_cpu_seconds
    others_cores = max(0.0, machine_after - machine_before - ours) / (ended - started)
    machine = Machine((pace_before + measure_pace()) / 2, others_cores)
    cpu_seconds = spent | {"generator": load.cpu_seconds}
    return summarize(rate, seconds, load, cpu_seconds, machine)


def _generate_load(target: Target, rate: float, seconds: float) -> Load:
    command = (
        sys.executable, "-m", "benchmarks.load_generator", "--url", target.url,
        "--body", target.body.decode(), "--rate", str(rate), "--seconds", str(seconds),
    )  # fmt: skip
    finished = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    load = Load(**json.loads(finished.stdout))
    if not load.latencies_ms:
        raise MeasurementError(f"nothing was answered; the last answer: {load.last_answer}")
    return load
