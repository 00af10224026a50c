from prometheus_client import CollectorRegistry

from services.worker.app.metrics import PromptMetrics, PurposeMetrics


class FakeMemory:
    age_seconds = 7.0


def test_prompt_versions_are_those_of_now_and_no_others() -> None:
    registry = CollectorRegistry()
    metrics = PromptMetrics(registry, FakeMemory())  # type: ignore[arg-type]

    def version_of(task_type: str) -> float | None:
        return registry.get_sample_value("agent_prompt_version", {"task_type": task_type})

    metrics.set_versions({"code_generation": 99, "poetry": 1})
    assert (version_of("code_generation"), version_of("poetry")) == (99, 1)
    metrics.set_versions({"code_generation": 100})
    assert (version_of("code_generation"), version_of("poetry")) == (100, None)
    assert registry.get_sample_value("agent_prompt_age_seconds") == 7


def test_shares_are_those_of_open_rollouts() -> None:
    registry = CollectorRegistry()
    metrics = PromptMetrics(registry, FakeMemory())  # type: ignore[arg-type]
    metrics.set_shares({"poetry": 0.5})
    assert registry.get_sample_value("agent_canary_share", {"task_type": "poetry"}) == 0.5
    metrics.set_shares({})
    assert registry.get_sample_value("agent_canary_share", {"task_type": "poetry"}) is None


def test_answers_are_counted_by_what_they_are_for() -> None:
    registry = CollectorRegistry()
    metrics = PurposeMetrics(registry)
    metrics.count("replay")
    metrics.count("replay")
    counts = {
        purpose: registry.get_sample_value("agent_worker_tasks_total", {"purpose": purpose})
        for purpose in ("live", "replay", "trial")
    }
    assert counts == {"live": 0, "replay": 2, "trial": 0}
