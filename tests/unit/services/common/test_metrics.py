import pytest

from services.common.metrics import ServiceMetrics
from services.common.resilience.breaker import Breaker


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


def test_a_breaker_that_is_watched_is_told_as_it_is_at_the_scrape() -> None:
    metrics = ServiceMetrics("worker")
    breaker = Breaker("database", failures=1)
    metrics.watch_breaker(breaker)

    def told() -> float | None:
        return metrics.registry.get_sample_value("agent_breaker_open", {"breaker": "database"})

    assert told() == 0
    breaker.tell_failure()
    assert told() == 1
    breaker.tell_success()
    assert told() == 0
