"""Figures of `benchmarks.overhead`: what a round showed, medians, and the aims. Pure."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.load_generator import Load
from benchmarks.measured_system import SERVICES, Start

OPTIMIZER = "optimizer"
ONE, MANY = 1, 16


@dataclass(frozen=True, slots=True)
class Machine:
    """Speed and load of the machine: figures of two runs compare only where these do.

    Attributes:
        pace_ms: CPU that a fixed piece of Python took; it differs by half on a shared host.
        others_cores: How many cores, on average, were busy with what is none of ours. They slow
            us down, CPU included, since caches are shared.
    """

    pace_ms: float
    others_cores: float


@dataclass(frozen=True, slots=True)
class Round:
    """Cost of requests in one round at one number of connections.

    Attributes:
        p50_ms: Half of the requests took no longer.
        p99_ms: All but one in a hundred took no longer.
        requests_per_second: Answers by the time they took.
        cpu_ms: CPU a request, by process.
        services_cpu_ms: CPU a request of the three services together.
        machine: How the machine was meanwhile.
    """

    p50_ms: float
    p99_ms: float
    requests_per_second: float
    cpu_ms: dict[str, float]
    services_cpu_ms: float
    machine: Machine


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
        """Tell whether the figure is at or under its limit."""
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


def summarize(load: Load, cpu_seconds: Mapping[str, float], machine: Machine) -> Round:
    """Compute the figures of one round from the generator's view and each process's CPU.

    Args:
        load: Must hold at least one latency.
        cpu_seconds: By process, during the load.
        machine: How the machine was meanwhile.
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
        machine=machine,
    )


def median_round(rounds: Sequence[Round]) -> Round:
    """Take the median of each figure by itself."""

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
        machine=Machine(
            pace_ms=median(lambda one: one.machine.pace_ms),
            others_cores=median(lambda one: one.machine.others_cores),
        ),
    )
