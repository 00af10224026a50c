"""Metrics of the Evaluator's own condition: who judges, and whether it still judges as it did."""

import math

from prometheus_client import CollectorRegistry, Gauge


class EvaluatorMetrics:
    """Fingerprint, judge, and what the canary shows.

    Args:
        registry: The process's registry.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._info = Gauge(
            "agent_evaluator_info",
            "1 for the fingerprint and the judge that give the scores now",
            ["fingerprint", "judge"],
            registry=registry,
        )
        self._degraded = Gauge(
            "agent_evaluator_degraded",
            "1 where the canary's agreement dropped by more than 0.1 since its baseline, else 0",
            registry=registry,
        )
        self._agreement = Gauge(
            "agent_evaluator_canary_agreement",
            "Share of labelled answers judged rightly, in [0, 1]; NaN where it isn't known",
            registry=registry,
        )
        self._agreement.set(math.nan)

    def set_info(self, *, fingerprint: str, judge: str) -> None:
        """Show this fingerprint and judge, and stop showing the ones before."""
        self._info.clear()
        self._info.labels(fingerprint, judge).set(1)

    def set_canary(self, *, agreement: float | None, degraded: bool) -> None:
        """Show what the canary's last round came to.

        Args:
            agreement: Share of labelled answers judged rightly, in [0, 1]; None where too few
                got a score.
            degraded: Whether the share dropped since the baseline.
        """
        self._agreement.set(math.nan if agreement is None else agreement)
        self._degraded.set(int(degraded))
