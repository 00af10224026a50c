"""Prometheus metrics that every service has, under the names that the guide gives."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from services.common.resilience.breaker import Breaker

DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


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
        self._service = service
        self._refusals = Counter(
            "agent_refusals_total",
            "Requests refused at once, by what they would have waited for",
            ["service", "reason"],
            registry=self.registry,
        )
        self._duration = Histogram(
            "agent_request_duration_seconds",
            "Time to answer an API request",
            ["service"],
            buckets=DURATION_BUCKETS,
            registry=self.registry,
        ).labels(service)
        self._breakers = Gauge(
            "agent_breaker_open",
            "1 while a breaker is open: its part is known to fail",
            ["breaker"],
            registry=self.registry,
        )

    def watch_breaker(self, breaker: Breaker) -> None:
        """Tell from now on, at each scrape, whether this breaker is open."""
        self._breakers.labels(breaker.name).set_function(lambda: float(breaker.is_open))

    def observe_request(self, *, status_code: int, seconds: float) -> None:
        """Count an answered API request; below 400 is success."""
        (self._success if status_code < 400 else self._error).inc()  # noqa: PLR2004
        self._duration.observe(seconds)

    def count_refusal(self, reason: str) -> None:
        """Count a request that was refused because it would have waited too long."""
        self._refusals.labels(self._service, reason).inc()

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
