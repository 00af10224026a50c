"""Finds insights that go beyond the guide; they are told and cost no points."""

from collections.abc import Sequence
from typing import Final

from grading.dimensions.error_handling import is_graceful
from grading.observations import Observations
from grading.result import Facts, Insight, InsightCode

# What a score must lose for a mistake in the code, for the mistake to count as told.
LEAST_DIFFERENCE: Final = 0.1


def find_insights(seen: Observations) -> tuple[Insight, ...]:
    """List what is worth knowing."""
    unhandled = [probe.name for probe in seen.more_probes if not is_graceful(probe)]
    insights = [
        Insight(
            InsightCode.MALFORMED_REQUESTS,
            {
                "handled": len(seen.more_probes) - len(unhandled),
                "sent": len(seen.more_probes),
                "unhandled": ", ".join(unhandled),
            },
        )
    ]
    if seen.right_code is not None and seen.wrong_code is not None:
        facts: Facts = {
            "right": seen.right_code,
            "wrong": seen.wrong_code,
            "told": seen.right_code - seen.wrong_code >= LEAST_DIFFERENCE,
        }
        insights.insert(0, Insight(InsightCode.WRONG_CODE_TOLD, facts))
    latencies = sorted(one.reply.latency_ms for one in seen.exchanges if one.succeeded)
    if latencies:
        facts = {f"p{share}_ms": round(percentile(latencies, share)) for share in (50, 95, 99)}
        insights.append(Insight(InsightCode.LATENCY, {**facts, "requests": len(latencies)}))
    if seen.cycles:
        insights.extend(_tell_cycles(seen))
    return tuple(insights)


def percentile(ascending: Sequence[float], share: int) -> float:
    """Return the value that `share` percent of the values don't exceed (nearest rank).

    Args:
        ascending: One value or more.
        share: In percent, 1 to 100.
    """
    rank = -(-share * len(ascending) // 100)
    return ascending[max(1, rank) - 1]


def _tell_cycles(seen: Observations) -> list[Insight]:
    seconds = [cycle.optimizer.seconds for cycle in seen.cycles]
    healed = [
        cycle
        for cycle in seen.cycles
        if any(prompt.id not in cycle.known_ids for prompt in cycle.active)
    ]
    replaced = sum(cycle.tried - 1 for cycle in seen.cycles)
    told = [
        Insight(
            InsightCode.OPTIMIZER_TIME,
            {
                "mean_seconds": round(sum(seconds) / len(seconds), 2),
                "most_seconds": max(seconds),
            },
        ),
        Insight(
            InsightCode.REPORTS_WRITTEN,
            {"reports": seen.cycles[-1].reports_after, "heals": len(healed)},
        ),
    ]
    if replaced:
        told.append(Insight(InsightCode.BAD_PROMPTS_REPLACED, {"replaced": replaced}))
    return told
