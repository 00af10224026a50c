"""The Evaluator's own metrics."""

import math

import pytest
from prometheus_client import CollectorRegistry

from services.evaluator.app.metrics import EvaluationMetrics, EvaluatorMetrics


def test_one_fingerprint_is_shown_at_a_time() -> None:
    registry = CollectorRegistry()
    metrics = EvaluatorMetrics(registry)
    metrics.set_info(fingerprint="aaaa", judge="rubric")
    metrics.set_info(fingerprint="bbbb", judge="openai:some")
    shown = {"fingerprint": "bbbb", "judge": "openai:some"}
    assert registry.get_sample_value("agent_evaluator_info", shown) == 1
    old = {"fingerprint": "aaaa", "judge": "rubric"}
    assert registry.get_sample_value("agent_evaluator_info", old) is None


def test_an_agreement_that_is_not_known_is_no_number() -> None:
    registry = CollectorRegistry()
    metrics = EvaluatorMetrics(registry)

    def shown() -> tuple[float | None, float | None]:
        names = ("agent_evaluator_canary_agreement", "agent_evaluator_degraded")
        agreement, degraded = (registry.get_sample_value(name) for name in names)
        return agreement, degraded

    agreement, degraded = shown()
    assert agreement is not None
    assert math.isnan(agreement)
    assert degraded == 0
    metrics.set_canary(agreement=0.75, degraded=True)
    assert shown() == (0.75, 1)
    metrics.set_canary(agreement=None, degraded=True)
    agreement, degraded = shown()
    assert agreement is not None
    assert math.isnan(agreement)
    assert degraded == 1


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


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
