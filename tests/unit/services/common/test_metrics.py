import pytest
from prometheus_client import CollectorRegistry

from services.common.metrics import EvaluationMetrics, PromptMetrics, ServiceMetrics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_every_series_of_requests_is_there_before_the_first() -> None:
    registry = ServiceMetrics("manager").registry

    for status in ("success", "error"):
        labels = {"service": "manager", "status": status}
        assert registry.get_sample_value("agent_requests_total", labels) == 0
    assert (
        registry.get_sample_value("agent_request_duration_seconds_count", {"service": "manager"})
        == 0
    )


@pytest.mark.parametrize(
    ("status_code", "status"),
    [
        (200, "success"),
        (204, "success"),
        (307, "success"),
        (400, "error"),
        (404, "error"),
        (422, "error"),
        (500, "error"),
        (504, "error"),
    ],
)
def test_a_request_is_a_success_or_an_error(status_code: int, status: str) -> None:
    metrics = ServiceMetrics("worker")
    metrics.observe_request(status_code=status_code, seconds=0.02)
    counts = {
        name: metrics.registry.get_sample_value(
            "agent_requests_total", {"service": "worker", "status": name}
        )
        for name in ("success", "error")
    }

    assert counts == {"success": 0, "error": 0, status: 1}


def test_a_requests_duration_goes_into_the_bucket_it_fits() -> None:
    metrics = ServiceMetrics("worker")
    metrics.observe_request(status_code=200, seconds=0.02)

    def at_most(seconds: str) -> float | None:
        return metrics.registry.get_sample_value(
            "agent_request_duration_seconds_bucket", {"service": "worker", "le": seconds}
        )

    assert (at_most("0.01"), at_most("0.025"), at_most("+Inf")) == (0, 1, 1)


def test_the_text_has_the_guides_names() -> None:
    text = ServiceMetrics("manager").render().decode()

    assert 'agent_requests_total{service="manager",status="success"} 0.0' in text
    assert 'agent_requests_total{service="manager",status="error"} 0.0' in text
    assert "# TYPE agent_request_duration_seconds histogram" in text


def test_two_services_in_one_process_do_not_meet() -> None:
    first, second = ServiceMetrics("manager"), ServiceMetrics("worker")
    first.observe_request(status_code=200, seconds=1)

    assert 'service="worker"' not in first.render().decode()
    assert 'status="success"} 0.0' in second.render().decode()


def test_prompt_versions_are_those_of_now_and_no_others(registry: CollectorRegistry) -> None:
    metrics = PromptMetrics(registry)

    def version_of(task_type: str) -> float | None:
        return registry.get_sample_value("agent_prompt_version", {"task_type": task_type})

    metrics.set_versions({"code_generation": 99, "poetry": 1})
    assert (version_of("code_generation"), version_of("poetry")) == (99, 1)
    metrics.set_versions({"code_generation": 100})
    assert (version_of("code_generation"), version_of("poetry")) == (100, None)


@pytest.mark.parametrize("task_type", ["code_generation", "other"])
def test_every_series_of_scores_is_there_before_the_first(
    registry: CollectorRegistry, task_type: str
) -> None:
    EvaluationMetrics(registry, ["code_generation"])
    labels = {"task_type": task_type}

    assert registry.get_sample_value("agent_evaluation_score_count", labels) == 0
    assert registry.get_sample_value("agent_evaluations_unscored_total", labels) == 0


def test_scores_fall_into_buckets_of_a_tenth(registry: CollectorRegistry) -> None:
    metrics = EvaluationMetrics(registry, ["code_generation"])
    for score in (0.36, 0.7, 0.874):
        metrics.observe_score("code_generation", score)

    def at_most(bound: str) -> float | None:
        return registry.get_sample_value(
            "agent_evaluation_score_bucket", {"task_type": "code_generation", "le": bound}
        )

    assert (at_most("0.3"), at_most("0.4"), at_most("0.7"), at_most("1.0")) == (0, 1, 2, 3)


def test_task_types_without_a_directory_share_one_label(registry: CollectorRegistry) -> None:
    metrics = EvaluationMetrics(registry, ["code_generation"])
    before = {
        tuple(sample.labels.items()) for family in registry.collect() for sample in family.samples
    }
    for number in range(50):
        metrics.observe_score(f"made_up_{number}", 0.5)
        metrics.count_unscored(f"made_up_{number}")
    after = {
        tuple(sample.labels.items()) for family in registry.collect() for sample in family.samples
    }

    assert after == before
    other = {"task_type": "other"}
    assert registry.get_sample_value("agent_evaluation_score_count", other) == 50
    assert registry.get_sample_value("agent_evaluations_unscored_total", other) == 50
