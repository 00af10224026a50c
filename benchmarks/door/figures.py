"""Figures of `benchmarks.door`: what each round showed, medians, and the aims. Pure."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.instant_endpoint import CHUNKS
from benchmarks.load_generator import Load
from benchmarks.overhead.figures import MANY, ONE, Aim, Machine

BARE, DOOR, SCORED, GUIDE, LITELLM = (
    "bare provider",
    "door",
    "door, scored",
    "guide's route",
    "LiteLLM",
)
STREAMING = ", streaming"


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of requests to one target under one load in one round.

    Attributes:
        p50_ms: Half of the requests took no longer.
        p95_ms: All but one in twenty took no longer.
        first_p50_ms: Half of the answers began after no longer than this.
        requests_per_second: Answers by the time they took.
        cpu_ms: CPU a request, by process of the target.
        machine: How the machine was meanwhile.
    """

    p50_ms: float
    p95_ms: float
    first_p50_ms: float
    requests_per_second: float
    cpu_ms: dict[str, float]
    machine: Machine

    @property
    def whole_cpu_ms(self) -> float:
        """CPU a request of all the target's processes."""
        return sum(self.cpu_ms.values())


class Case(NamedTuple):
    """What is measured: a target at so many connections; 0 stands for the open loop."""

    target: str
    connections: int


Rounds = Mapping[Case, Sequence[Cost]]
Figure = Callable[[Cost], float]


def summarize(load: Load, cpu_seconds: Mapping[str, float], machine: Machine) -> Cost:
    """Compute the figures of one round from the generator's view and each process's CPU.

    Args:
        load: Must hold at least one latency.
        cpu_seconds: By process, for all of the load's requests.
        machine: How the machine was meanwhile.
    """
    count = len(load.latencies_ms)
    ordered = sorted(load.latencies_ms)
    return Cost(
        p50_ms=ordered[count // 2],
        p95_ms=ordered[count * 95 // 100],
        first_p50_ms=statistics.median(load.first_ms),
        requests_per_second=count / load.seconds,
        cpu_ms={name: seconds / count * 1000 for name, seconds in cpu_seconds.items()},
        machine=machine,
    )


def median(costs: Sequence[Cost], figure: Figure) -> float:
    """Take the median of a figure over the rounds."""
    return statistics.median(map(figure, costs))


def compare(
    rounds: Rounds, case: Case, other: Case, combine: Callable[[Cost, Cost], float]
) -> float:
    """Combine two cases within each round, since the machine's pace changes; the median."""
    return statistics.median(map(combine, rounds[case], rounds[other]))


def chunk_cpu_us(rounds: Rounds, connections: int) -> float:
    """Compute the CPU of a streamed answer beyond that of a whole one, by chunk."""
    case, whole = Case(DOOR + STREAMING, connections), Case(DOOR, connections)
    return compare(
        rounds,
        case,
        whole,
        lambda one, other: (one.whole_cpu_ms - other.whole_cpu_ms) / CHUNKS * 1000,
    )


def judge_aims(rounds: Rounds) -> list[Aim]:
    """Hold the figures against the project's aims; those beside LiteLLM where it was measured."""
    streaming = Case(DOOR + STREAMING, ONE), Case(BARE + STREAMING, ONE)
    first_ms = compare(rounds, *streaming, lambda one, bare: one.first_p50_ms - bare.first_p50_ms)
    aims = [
        Aim("first token after the bare provider's, p50", first_ms, 6, "ms"),
        Aim("CPU of a chunk, both services", chunk_cpu_us(rounds, ONE), 250, "us"),
    ]
    if Case(LITELLM, ONE) not in rounds:
        return aims

    def add(name: str, target: str, connections: int, figure: Figure, limit: float) -> None:
        ratio = compare(
            rounds,
            Case(target, connections),
            Case(LITELLM, connections),
            lambda one, other: figure(one) / figure(other),
        )
        aims.append(
            Aim(f"{target}: {name}, {connections} connection(s)", ratio, limit, "x LiteLLM")
        )

    for connections, door_limit, guide_limit in ((ONE, 0.4, 1.0), (MANY, 0.35, 0.75)):
        add("CPU", DOOR, connections, lambda cost: cost.whole_cpu_ms, door_limit)
        add("p50", DOOR, connections, lambda cost: cost.p50_ms, 0.5)
        add("CPU", GUIDE, connections, lambda cost: cost.whole_cpu_ms, guide_limit)
    return aims
