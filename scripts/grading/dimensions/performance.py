"""Performance: a mean of 500 ms or less earns all points, sliding to none at ten times that."""

from statistics import fmean
from typing import Final

from grading.guide import FULL_LATENCY_MS, ZERO_LATENCY_MS
from grading.observations import Observations
from grading.result import WEIGHTS, Code, Deduction, Dimension, Facts, Hint

FULL: Final = float(WEIGHTS[Dimension.PERFORMANCE])


def judge_performance(seen: Observations) -> tuple[Deduction, ...]:
    """Judge the dimension by the mean latency of the requests that were answered."""
    latencies = [one.reply.latency_ms for one in seen.exchanges if one.succeeded]
    if not latencies:
        facts: Facts = {"requests": len(seen.exchanges)}
        return (Deduction(Code.NOTHING_MEASURED, FULL, facts, Hint.DEPENDS_ON),)
    mean_ms = fmean(latencies)
    points = points_lost(mean_ms)
    if points == 0:
        return ()
    facts = {"mean_ms": round(mean_ms), "full_ms": FULL_LATENCY_MS, "zero_ms": ZERO_LATENCY_MS}
    return (Deduction(Code.SLOW, points, facts, Hint.FASTER),)


def points_lost(mean_ms: float) -> float:
    """Compute the points that a mean latency costs, in [0, 10]; a longer one never costs less."""
    share = (mean_ms - FULL_LATENCY_MS) / (ZERO_LATENCY_MS - FULL_LATENCY_MS)
    return round(FULL * min(1.0, max(0.0, share)), 1)
