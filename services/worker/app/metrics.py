"""Metrics of the Worker alone: which prompt serves."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge


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
