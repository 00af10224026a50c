"""Metrics of the Evaluator alone: the scores given, and whether it still judges as it did."""

import math
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SCORE_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
EVIDENCE_GRADES = ("checks", "examples", "plausible_calls", "static")
UNLISTED_TASK_TYPE = "other"
EXECUTION_STATUSES = (
    "finished", "load_failed", "inconclusive", "stopped", "unavailable", "not_run",
)  # fmt: skip


class EvaluationMetrics:
    """Scores by task type, and how many answers got none."""

    def __init__(self, registry: CollectorRegistry, task_types: Iterable[str]) -> None:
        self._task_types = frozenset(task_types)
        self._score = Histogram(
            "agent_evaluation_score",
            "Scores given, in [0, 1]",
            ["task_type"],
            buckets=SCORE_BUCKETS,
            registry=registry,
        )
        self._unscored = Counter(
            "agent_evaluations_unscored_total",
            "Answers that could not be scored",
            ["task_type"],
            registry=registry,
        )
        self._sandbox_available = Gauge(
            "agent_sandbox_available",
            "1 where answers' code is run, 0 where this machine has no safe sandbox",
            registry=registry,
        )
        self._executions = Counter(
            "agent_executions_total",
            "Scored answers by what became of running their code",
            ["status"],
            registry=registry,
        )
        self._evidence = Counter(
            "agent_evaluation_evidence_total",
            "Scored answers by the best evidence that there was",
            ["evidence"],
            registry=registry,
        )
        for status in EXECUTION_STATUSES:
            self._executions.labels(status)
        for grade in EVIDENCE_GRADES:
            self._evidence.labels(grade)
        for task_type in (*self._task_types, UNLISTED_TASK_TYPE):
            self._score.labels(task_type)
            self._unscored.labels(task_type)

    def _label(self, task_type: str) -> str:
        return task_type if task_type in self._task_types else UNLISTED_TASK_TYPE

    def observe_score(self, task_type: str, score: float) -> None:
        """Record a score in [0, 1]; task types without a directory share one label."""
        self._score.labels(self._label(task_type)).observe(score)

    def set_sandbox_available(self, *, is_available: bool) -> None:
        """Show whether answers' code is run."""
        self._sandbox_available.set(is_available)

    def count_execution(self, status: str) -> None:
        """Count what became of running an answer's code; `unavailable` where nothing is run."""
        self._executions.labels(status).inc()

    def count_evidence(self, grade: str) -> None:
        """Count a scored answer by its evidence, `checks` to `static`."""
        self._evidence.labels(grade).inc()

    def count_unscored(self, task_type: str) -> None:
        """Record an answer that got no score."""
        self._unscored.labels(self._label(task_type)).inc()


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
