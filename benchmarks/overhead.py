"""What the system itself costs: the way of a request, with a model that answers at once.

A request passes all three services, two models (the Worker's and the judge's) and leaves one
durable row. CPU is measured by process: the three services count, PostgreSQL, the model endpoint
and the load generator are shown apart.

examples:
  python -m benchmarks.overhead
  python -m benchmarks.overhead --rounds 5 --seconds 10
  python -m benchmarks.overhead --json > overhead.json
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.instant_endpoint import CODER, JUDGE
from benchmarks.load_generator import Load
from benchmarks.measured_system import (
    ENDPOINT,
    POSTGRES,
    SERVICES,
    MeasuredSystem,
    MeasurementError,
    Start,
    run_measured_system,
)
from selfheal.runtime.errors import EmbeddedRuntimeError

GENERATOR = "generator"
OPTIMIZER = "optimizer"
ONE, MANY = 1, 16
BUSY_TIMES = frozenset({"user", "nice", "system", "irq", "softirq", "steal"})
ROOT = Path(__file__).parent.parent

messages = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Round:
    """What requests cost in one round at one number of connections.

    Attributes:
        p50_ms: Half of the requests took no longer.
        p99_ms: All but one in a hundred took no longer.
        requests_per_second: Answers by the time they took.
        cpu_ms: CPU a request, by process.
        services_cpu_ms: CPU a request of the three services together.
        others_cores: How many cores, on average, were busy with what is none of ours: figures of
            a crowded machine are worse, CPU included, since caches are shared.
    """

    p50_ms: float
    p99_ms: float
    requests_per_second: float
    cpu_ms: dict[str, float]
    services_cpu_ms: float
    others_cores: float


@dataclass(frozen=True, slots=True)
class Report:
    """Medians of all rounds and starts.

    Attributes:
        rounds: By number of connections.
        starts: By service, and the Optimizer's whole run.
        memory_mb: Resident memory of each service after the load.
        requests: How many requests were answered and logged in all.
    """

    rounds: dict[int, Round]
    starts: dict[str, Start]
    memory_mb: dict[str, float]
    requests: int


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure, and the limit that it should keep."""

    name: str
    measured: float
    limit: float
    unit: str

    @property
    def reached(self) -> bool:
        """Whether the figure is at or under its limit."""
        return self.measured <= self.limit


def judge_aims(report: Report) -> list[Aim]:
    """Hold the report against the project's aims for speed and memory."""
    one, many = report.rounds[ONE], report.rounds[MANY]
    return [
        Aim(f"CPU of the services, {ONE} connection", one.services_cpu_ms, 9, "ms"),
        Aim(f"p50, {ONE} connection", one.p50_ms, 9, "ms"),
        Aim(f"CPU of the services, {MANY} connections", many.services_cpu_ms, 6, "ms"),
        *(Aim(f"start of the {name}", report.starts[name].seconds, 2, "s") for name in SERVICES),
        Aim("run of the Optimizer", report.starts[OPTIMIZER].seconds, 1.5, "s"),
        *(Aim(f"memory of the {name}", report.memory_mb[name], 130, "MB") for name in SERVICES),
    ]


def summarize(load: Load, cpu_seconds: Mapping[str, float], others_cores: float) -> Round:
    """Figures of one round, from what the generator saw and the CPU of each process.

    Args:
        load: Must hold at least one latency.
        cpu_seconds: By process, during the load.
        others_cores: How many cores were busy with what is none of ours.
    """
    count = len(load.latencies_ms)
    ordered = sorted(load.latencies_ms)
    cpu_ms = {name: seconds / count * 1000 for name, seconds in cpu_seconds.items()}
    return Round(
        p50_ms=ordered[count // 2],
        p99_ms=ordered[count * 99 // 100],
        requests_per_second=count / load.seconds,
        cpu_ms=cpu_ms,
        services_cpu_ms=sum(cpu_ms[name] for name in SERVICES),
        others_cores=others_cores,
    )


def median_round(rounds: Sequence[Round]) -> Round:
    """The median of each figure, taken by itself."""

    def median(figure: Callable[[Round], float]) -> float:
        return statistics.median(figure(one) for one in rounds)

    return Round(
        p50_ms=median(lambda one: one.p50_ms),
        p99_ms=median(lambda one: one.p99_ms),
        requests_per_second=median(lambda one: one.requests_per_second),
        cpu_ms={
            name: statistics.median(one.cpu_ms[name] for one in rounds) for name in rounds[0].cpu_ms
        },
        services_cpu_ms=median(lambda one: one.services_cpu_ms),
        others_cores=median(lambda one: one.others_cores),
    )


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
    if load.failures or not load.latencies_ms:
        raise MeasurementError(f"{load.failures} requests failed, one so: {load.last_answer}")
    answer = json.loads(load.last_answer)
    if (answer["model"], answer["judge"]) != (CODER, f"openai:{JUDGE}"):
        raise MeasurementError(f"a request did not pass both models: {load.last_answer}")
    return load


def measure_round(system: MeasuredSystem, *, connections: int, seconds: float) -> tuple[Round, int]:
    """One round, and how many requests it had."""
    before, machine_before, started = system.cpu_seconds(), busy_seconds(), time.perf_counter()
    load = generate_load(system.request_url, connections=connections, seconds=seconds)
    after, machine_after, ended = system.cpu_seconds(), busy_seconds(), time.perf_counter()
    cpu_seconds = {name: after[name] - before[name] for name in before}
    # All that the generator's process spent: this part, its start included, is ours as well.
    ours = sum(cpu_seconds.values()) + load.process_cpu_seconds
    others_cores = max(0.0, machine_after - machine_before - ours) / (ended - started)
    cpu_seconds[GENERATOR] = load.cpu_seconds
    return summarize(load, cpu_seconds, others_cores), len(load.latencies_ms)


def busy_seconds() -> float:
    """CPU that all processes of this machine have spent since it started."""
    times = psutil.cpu_times()._asdict()
    return float(sum(seconds for name, seconds in times.items() if name in BUSY_TIMES))


def measure_starts(system: MeasuredSystem, times: int) -> dict[str, Start]:
    """Start everything several times; the services run on after the last."""
    starts: dict[str, list[Start]] = {name: [] for name in (*SERVICES, OPTIMIZER)}
    for number in range(1, times + 1):
        messages.print(f"start {number} of {times}: each service, and the Optimizer")
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


def measure(options: argparse.Namespace) -> Report:
    """Measure everything.

    Raises:
        MeasurementError: If the system doesn't do what is to be measured.
    """
    with tempfile.TemporaryDirectory(prefix="selfheal-overhead-") as directory:
        messages.print("starting PostgreSQL and the model endpoint")
        with run_measured_system(Path(directory)) as system:
            starts = measure_starts(system, options.starts)
            messages.print(f"warming up for {options.warm_up_seconds:g} s")
            warm_up = generate_load(
                system.request_url, connections=MANY, seconds=options.warm_up_seconds
            )
            requests = len(warm_up.latencies_ms)
            rounds: dict[int, list[Round]] = {ONE: [], MANY: []}
            for number in range(1, options.rounds + 1):
                for connections, several in rounds.items():
                    messages.print(
                        f"round {number} of {options.rounds}: {connections} connection(s) "
                        f"for {options.seconds:g} s"
                    )
                    figures, count = measure_round(
                        system, connections=connections, seconds=options.seconds
                    )
                    several.append(figures)
                    requests += count
            logged = system.count_logged_requests()
            if logged != requests:
                raise MeasurementError(f"{requests} requests were answered, {logged} logged")
            return Report(
                rounds={connections: median_round(many) for connections, many in rounds.items()},
                starts=starts,
                memory_mb=system.memory_mb(),
                requests=requests,
            )


def show(report: Report, output: Console) -> None:
    """Print the report as tables."""
    way = Table(title="The way of a request (medians of the rounds)")
    way.add_column("")
    for connections in report.rounds:
        way.add_column(f"{connections} connection(s)", justify="right")
    rounds = report.rounds.values()
    way.add_row("p50", *(f"{one.p50_ms:.2f} ms" for one in rounds))
    way.add_row("p99", *(f"{one.p99_ms:.2f} ms" for one in rounds))
    way.add_row("requests", *(f"{one.requests_per_second:.0f} /s" for one in rounds))
    for name in (*SERVICES, POSTGRES, ENDPOINT, GENERATOR):
        end = name == SERVICES[-1]
        way.add_row(
            f"CPU, {name}", *(f"{one.cpu_ms[name]:.2f} ms" for one in rounds), end_section=end
        )
    way.add_row(
        "CPU, three services",
        *(f"{one.services_cpu_ms:.2f} ms" for one in rounds),
        end_section=True,
    )
    way.add_row("cores busy with others", *(f"{one.others_cores:.1f}" for one in rounds))
    output.print(way)

    processes = Table(title="The processes (medians of the starts)")
    for column in ("", "start", "CPU of the start", "memory under load"):
        processes.add_column(column, justify="right" if column else "left")
    for name, start in report.starts.items():
        memory = f"{report.memory_mb[name]:.0f} MB" if name in report.memory_mb else "-"
        processes.add_row(name, f"{start.seconds:.2f} s", f"{start.cpu_seconds:.2f} s", memory)
    output.print(processes)

    aims = Table(title="The aims")
    for column in ("", "measured", "aim", "reached"):
        aims.add_column(column, justify="right" if column else "left")
    for aim in judge_aims(report):
        aims.add_row(
            aim.name,
            f"{aim.measured:.2f} {aim.unit}",
            f"{aim.limit:g} {aim.unit}",
            "[green]yes[/]" if aim.reached else "[red]no[/]",
        )
    output.print(aims)


def main() -> int:
    """Measure from the command line; 0 whether or not the aims are reached."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overhead",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each load (default 3)")
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="length of a round's load (default 4)"
    )
    parser.add_argument("--warm-up-seconds", type=float, default=3.0, help="default 3")
    parser.add_argument("--starts", type=int, default=3, help="starts of each service (default 3)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    if min(options.rounds, options.starts, options.seconds, options.warm_up_seconds) <= 0:
        parser.error("durations and counts must be over 0")
    try:
        report = measure(options)
    except (MeasurementError, EmbeddedRuntimeError) as error:
        messages.print(f"error: {error}", markup=False)
        return 1
    if options.json:
        aims = [{**asdict(aim), "reached": aim.reached} for aim in judge_aims(report)]
        print(json.dumps({**asdict(report), "aims": aims}, indent=2))
    else:
        show(report, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
