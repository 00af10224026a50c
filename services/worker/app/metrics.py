"""Metrics of the Worker alone: which prompt serves, who answers, and what answers are for."""

from collections.abc import Iterable, Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.common.llm.factory import ServingModel
from services.common.schemas import Purpose
from services.worker.app.services.prompt_memory import PromptMemory


class PromptMetrics:
    """Which version and what share of a rollout serve each task type, and when that was read."""

    def __init__(self, registry: CollectorRegistry, prompts: PromptMemory) -> None:
        Gauge(
            "agent_prompt_age_seconds",
            "How long ago all prompts were last read; while it grows, those of then serve",
            registry=registry,
        ).set_function(lambda: prompts.age_seconds)
        self._version = Gauge(
            "agent_prompt_version",
            "Version of the prompt that serves the task type now",
            ["task_type"],
            registry=registry,
        )

        self._share = Gauge(
            "agent_canary_share",
            "Share of the task type's traffic that a text serves that is being rolled out",
            ["task_type"],
            registry=registry,
        )

    def set_shares(self, shares: Mapping[str, float]) -> None:
        """Show these and no others; a task type without an open rollout has no series."""
        self._share.clear()
        for task_type, share in shares.items():
            self._share.labels(task_type).set(share)

    def set_versions(self, versions: Mapping[str, int]) -> None:
        """Show these and no others; a task type without an active prompt has no series."""
        self._version.clear()
        for task_type, version in versions.items():
            self._version.labels(task_type).set(version)


class PurposeMetrics:
    """What the Worker was asked for: live answers, replays, trials."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._asked = Counter(
            "agent_worker_tasks_total",
            "Answers that the Worker was asked for, by what they are for",
            ["purpose"],
            registry=registry,
        )
        for purpose in get_args(Purpose):
            self._asked.labels(purpose)

    def count(self, purpose: Purpose) -> None:
        """Count one."""
        self._asked.labels(purpose).inc()


class FallbackMetrics:
    """Answers of models that stood in for the main one."""

    def __init__(self, registry: CollectorRegistry, fallbacks: Iterable[ServingModel]) -> None:
        self._answered = Counter(
            "agent_model_fallbacks_total",
            "Answers by a model of LLM_FALLBACKS, while the main one's breaker was open",
            ["provider", "model"],
            registry=registry,
        )
        for model in fallbacks:
            self._answered.labels(model.provider, model.name)

    def count(self, provider: str, model: str) -> None:
        """Count one."""
        self._answered.labels(provider, model).inc()
