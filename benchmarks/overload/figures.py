"""Figures of `benchmarks.overload`: what each phase showed, and the aims. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.load_generator import Load
from benchmarks.overhead.figures import Aim, Machine

CALM, HALF, OVERLOAD, AFTER = "calm", "half", "overload", "after"
SERVING = ("manager", "worker")


@dataclass(frozen=True, slots=True)
class Phase:
    """What came of requests at one rate.

    Attributes:
        offered: Requests a second.
        answered: Answers a second.
        refused: Requests a second that were refused at once.
        failed: How many came to something else.
        p50_ms: Half of the answers took no longer.
        p99_ms: All but one answer in a hundred took no longer.
        late_p99_ms: All but one request in a hundred were sent no later than this: the generator's
            own part of the times.
        refused_p99_ms: All but one refusal in a hundred took no longer.
        cpu_ms: CPU by process, of all requests of the phase.
        requests: How many there were.
        answers: How many were answered.
        machine: How the machine was meanwhile.
    """

    offered: float
    answered: float
    refused: float
    failed: int
    p50_ms: float
    p99_ms: float
    late_p99_ms: float
    refused_p99_ms: float
    cpu_ms: dict[str, float]
    requests: int
    answers: int
    machine: Machine

    @property
    def serving_cpu_ms(self) -> float:
        """CPU of the services that take and answer requests."""
        return sum(self.cpu_ms[name] for name in SERVING)


def summarize(
    rate: float, seconds: float, load: Load, cpu_seconds: Mapping[str, float], machine: Machine
) -> Phase:
    """Compute a phase's figures.

    Args:
        rate: Requests a second that were sent.
        seconds: How long they were sent; what was answered later counts too.
        load: Must hold at least one answer.
        cpu_seconds: By process.
        machine: How the machine was meanwhile.
    """
    return Phase(
        offered=rate,
        answered=len(load.latencies_ms) / max(load.seconds, seconds),
        refused=len(load.refused_ms) / seconds,
        failed=load.failures,
        p50_ms=take_quantile(load.latencies_ms, 0.5),
        p99_ms=take_quantile(load.latencies_ms, 0.99),
        late_p99_ms=take_quantile(load.late_ms, 0.99),
        refused_p99_ms=take_quantile(load.refused_ms, 0.99),
        cpu_ms={name: spent * 1000 for name, spent in cpu_seconds.items()},
        requests=len(load.latencies_ms) + len(load.refused_ms) + load.failures,
        answers=len(load.latencies_ms),
        machine=machine,
    )


def take_quantile(values: list[float], share: float) -> float:
    """Take the value that this share of all is at or under; 0 of none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def refusal_cpu_ms(phases: Mapping[str, Phase]) -> float:
    """Compute the CPU of a refusal: what answers don't explain, of Manager and Worker."""
    half, overload = phases[HALF], phases[OVERLOAD]
    refusals = overload.requests - overload.answers
    of_answers = overload.answers * half.serving_cpu_ms / half.answers
    return max(0.0, overload.serving_cpu_ms - of_answers) / max(refusals, 1)


def judge_aims(phases: Mapping[str, Phase], capacity: float) -> list[Aim]:
    """Hold the figures against the aims of overload.

    Args:
        phases: By name.
        capacity: Answers a second that the provider can give.
    """
    calm, overload, after = phases[CALM], phases[OVERLOAD], phases[AFTER]
    return [
        Aim("capacity that is not used", 1 - overload.answered / capacity, 0.2, "of it"),
        Aim("p99 of what is answered", overload.p99_ms / calm.p99_ms, 3, "x calm"),
        Aim("CPU of a refusal", refusal_cpu_ms(phases), 0.3, "ms"),
        Aim("answered otherwise", overload.failed + after.failed, 0, "requests"),
        Aim("refused from 5 s after the end on", after.refused, 0, "a second"),
        Aim("p99 from 5 s after the end on", after.p99_ms / calm.p99_ms, 1.2, "x calm"),
    ]
