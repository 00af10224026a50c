"""Observability: the three core metrics, each on the port where phase 6 greps it, and moving."""

from collections.abc import Iterator
from typing import Final

from grading.guide import CORE_METRICS
from grading.metrics_text import select
from grading.observations import WORKER, Observations
from grading.result import WEIGHTS, Code, Deduction, Dimension, Facts, Hint

FULL: Final = float(WEIGHTS[Dimension.OBSERVABILITY])
METRIC_POINTS: Final = FULL / len(CORE_METRICS)


def judge_observability(seen: Observations) -> tuple[Deduction, ...]:
    """Judge the dimension; no endpoint at all takes all of it."""
    if all(samples is None for samples in seen.last_scrape.samples.values()):
        described = ", ".join(
            f"{name}: {reply.seen}" for name, reply in seen.last_scrape.replies.items()
        )
        return (Deduction(Code.METRICS_MISSING, FULL, {"seen": described}, Hint.EXPOSE_METRICS),)
    return tuple(
        deduction
        for service, metric in CORE_METRICS.items()
        for deduction in _judge_metric(seen, service, metric)
    )


def _judge_metric(seen: Observations, service: str, metric: str) -> Iterator[Deduction]:
    last = select(seen.last_scrape.samples[service] or {}, metric)
    if not last:
        facts: Facts = {
            "metric": metric,
            "service": service,
            "url": f"{seen.urls[service]}/metrics/",
        }
        yield Deduction(Code.METRIC_MISSING, METRIC_POINTS, facts, Hint.EXPOSE_METRICS)
        return
    first = select(seen.first_scrape.samples[service] or {}, metric)
    shows_active = service == WORKER and seen.active_at_end in last.values()
    has_something_to_show = any(one.succeeded for one in seen.exchanges)
    if last == first and not shows_active and has_something_to_show:
        facts = {"metric": metric, "service": service}
        yield Deduction(Code.METRIC_STILL, METRIC_POINTS, facts, Hint.EXPOSE_METRICS)
