"""Measures for `benchmarks.overhead`: starts the system, sends requests, reads the counters."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.instant_endpoint import CODER, JUDGE
from benchmarks.load_generator import Load
from benchmarks.measured_system import (
    SERVICES,
    MeasuredSystem,
    MeasurementError,
    Start,
    run_measured_system,
)
from benchmarks.overhead.figures import (
    MANY,
    ONE,
    OPTIMIZER,
    Machine,
    Report,
    Round,
    median_round,
    summarize,
)

GENERATOR = "generator"
BUSY_TIMES = frozenset({"user", "nice", "system", "irq", "softirq", "steal"})
ROOT = Path(__file__).parents[2]
PACE_REPEATS = 9

Progress = Callable[[str], None]


def measure(
    *, rounds: int, seconds: float, warm_up_seconds: float, starts: int, progress: Progress
) -> Report:
    """Measure starts, rounds of load and memory.

    Args:
        rounds: Rounds at each number of connections.
        seconds: Length of a round's load.
        warm_up_seconds: Length of the load before the first round.
        starts: Starts of each service.
        progress: Told what is being done.

    Raises:
        MeasurementError: If the system doesn't do what is to be measured.
    """
    with tempfile.TemporaryDirectory(prefix="selfheal-overhead-") as directory:
        progress("starting PostgreSQL and the model endpoint")
        with run_measured_system(Path(directory)) as system:
            measured_starts = measure_starts(system, starts, progress)
            progress(f"warming up for {warm_up_seconds:g} s")
            warm_up = generate_load(system.request_url, connections=MANY, seconds=warm_up_seconds)
            requests = len(warm_up.latencies_ms)
            measured: dict[int, list[Round]] = {ONE: [], MANY: []}
            for number in range(1, rounds + 1):
                for connections, several in measured.items():
                    progress(
                        f"round {number} of {rounds}: {connections} connection(s), {seconds:g} s"
                    )
                    figures, count = measure_round(system, connections, seconds)
                    several.append(figures)
                    requests += count
            logged = system.count_logged_requests()
            if logged != requests:
                raise MeasurementError(f"{requests} requests were answered, {logged} logged")
            return Report(
                rounds={connections: median_round(many) for connections, many in measured.items()},
                starts=measured_starts,
                memory_mb=system.memory_mb(),
                requests=requests,
            )


def measure_starts(system: MeasuredSystem, times: int, progress: Progress) -> dict[str, Start]:
    """Start everything several times; the services run on after the last."""
    starts: dict[str, list[Start]] = {name: [] for name in (*SERVICES, OPTIMIZER)}
    for number in range(1, times + 1):
        progress(f"start {number} of {times}: each service, and the Optimizer")
        for name in SERVICES:
            system.stop_service(name)
            starts[name].append(system.start_service(name))
        starts[OPTIMIZER].append(system.run_optimizer())
    return {
        name: Start(
            seconds=statistics.median(start.seconds for start in several),
            cpu_seconds=statistics.median(start.cpu_seconds for start in several),
        )
        for name, several in starts.items()
    }


def generate_load(url: str, *, connections: int, seconds: float) -> Load:
    """Run the load generator in a process of its own.

    Raises:
        MeasurementError: If not every request passed both models and got a score.
    """
    command = (
        sys.executable, "-m", "benchmarks.load_generator",
        "--url", url, "--connections", str(connections), "--seconds", str(seconds),
    )  # fmt: skip
    finished = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    load = Load(**json.loads(finished.stdout))
    if (failed := load.failures + len(load.refused_ms)) or not load.latencies_ms:
        raise MeasurementError(f"{failed} requests failed, one so: {load.last_answer}")
    answer = json.loads(load.last_answer)
    if (answer["model"], answer["judge"]) != (CODER, f"openai:{JUDGE}"):
        raise MeasurementError(f"a request did not pass both models: {load.last_answer}")
    return load


def measure_round(system: MeasuredSystem, connections: int, seconds: float) -> tuple[Round, int]:
    """Measure one round, and count its requests."""
    pace_before = measure_pace()
    before, machine_before, started = system.cpu_seconds(), busy_seconds(), time.perf_counter()
    load = generate_load(system.request_url, connections=connections, seconds=seconds)
    after, machine_after, ended = system.cpu_seconds(), busy_seconds(), time.perf_counter()
    cpu_seconds = {name: after[name] - before[name] for name in before}
    # All that the generator's process spent, its start included, is ours as well.
    ours = sum(cpu_seconds.values()) + load.process_cpu_seconds
    others_cores = max(0.0, machine_after - machine_before - ours) / (ended - started)
    cpu_seconds[GENERATOR] = load.cpu_seconds
    machine = Machine((pace_before + measure_pace()) / 2, others_cores)
    return summarize(load, cpu_seconds, machine), len(load.latencies_ms)


def busy_seconds() -> float:
    """Read the CPU that all processes of this machine have spent since it started."""
    times = psutil.cpu_times()._asdict()
    return float(sum(seconds for name, seconds in times.items() if name in BUSY_TIMES))


def measure_pace() -> float:
    """Measure the CPU of a fixed piece of Python, in milliseconds; the median of several."""
    document = json.dumps([{"number": number, "text": "x" * 20} for number in range(200)])
    paces = []
    for _ in range(PACE_REPEATS):
        started = time.process_time()
        for _ in range(100):
            sum(len(item["text"]) for item in json.loads(document))
        paces.append((time.process_time() - started) * 1000)
    return statistics.median(paces)
