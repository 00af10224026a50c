"""The Evaluator's own metrics."""

import math

from prometheus_client import CollectorRegistry

from services.evaluator.app.evaluator_metrics import EvaluatorMetrics


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
