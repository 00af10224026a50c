"""Prometheus metrics, under the names that the guide gives; every label has few values."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

SCORE_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
EVIDENCE_GRADES = ("checks", "examples", "plausible_calls", "static")
UNLISTED_TASK_TYPE = "other"
EXECUTION_STATUSES = (
    "finished", "load_failed", "inconclusive", "stopped", "unavailable", "not_run",
)  # fmt: skip


class ServiceMetrics:
    """The metrics that every service has; each process has a registry of its own."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        requests = Counter(
            "agent_requests_total",
            "API requests answered",
            ["service", "status"],
            registry=self.registry,
        )
        self._success = requests.labels(service, "success")
        self._error = requests.labels(service, "error")
        self._duration = Histogram(
            "agent_request_duration_seconds",
            "Time to answer an API request",
            ["service"],
            buckets=DURATION_BUCKETS,
            registry=self.registry,
        ).labels(service)

    def observe_request(self, *, status_code: int, seconds: float) -> None:
        """Count an answered API request; below 400 is success."""
        (self._success if status_code < 400 else self._error).inc()  # noqa: PLR2004
        self._duration.observe(seconds)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class PromptMetrics:
    """The active prompt version of each task type."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._version = Gauge(
            "agent_prompt_version",
            "Version of the prompt that serves the task type now",
            ["task_type"],
            registry=registry,
        )

    def set_versions(self, versions: Mapping[str, int]) -> None:
        """Show these and no others; a task type without an active prompt has no series."""
        self._version.clear()
        for task_type, version in versions.items():
            self._version.labels(task_type).set(version)


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
