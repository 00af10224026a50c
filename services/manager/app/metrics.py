"""Metrics of the Manager alone: answers that wait for their scores, and counted traffic."""

import math

from prometheus_client import CollectorRegistry, Gauge


class ScoringMetrics:
    """The backlog of scoring, as the last scrape that reached the database found it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._pending = Gauge(
            "agent_pending_scores", "Answers that wait for their scores", registry=registry
        )
        self._oldest = Gauge(
            "agent_pending_scores_oldest_seconds",
            "How long the one of them that has waited longest has waited",
            registry=registry,
        )

    def set_backlog(self, *, pending: int, oldest_seconds: float) -> None:
        """Show how many answers wait, and how long the oldest has."""
        self._pending.set(pending)
        self._oldest.set(oldest_seconds)


class TrafficMetrics:
    """How old the counted traffic is that the console draws, whichever Manager counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._age = Gauge(
            "agent_traffic_rollup_age_seconds",
            "How long ago what was logged was counted for the console; NaN before the first time",
            registry=registry,
        )
        self._age.set(math.nan)

    def set_age(self, seconds: float | None) -> None:
        """Show when it was counted last; None for never."""
        self._age.set(math.nan if seconds is None else seconds)
