"""Metrics of the Manager alone: answers that wait for their scores."""

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
