"""An OpenTelemetry collector of a test's own: takes OTLP over HTTP, and keeps what it got."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support.http_server import JsonHandler, serving


@dataclass(frozen=True)
class Told:
    """A span or an event: whose, under which name, in which trace, with which attributes."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]


@dataclass
class Collector:
    """What came so far; `raw` is all of it as it came."""

    url: str = ""
    spans: list[Told] = field(default_factory=list)
    events: list[Told] = field(default_factory=list)
    metrics: set[str] = field(default_factory=set)
    raw: bytes = b""

    def take(self, path: str, body: bytes) -> None:
        """Keep what an exporter sends."""
        self.raw += body
        if path.endswith("/traces"):
            for one in ExportTraceServiceRequest.FromString(body).resource_spans:
                spans = [span for scope in one.scope_spans for span in scope.spans]
                self.spans += [_read(one.resource, span, span.name) for span in spans]
        elif path.endswith("/logs"):
            for one in ExportLogsServiceRequest.FromString(body).resource_logs:
                logs = [record for scope in one.scope_logs for record in scope.log_records]
                self.events += [_read(one.resource, record, record.event_name) for record in logs]
        else:
            for one in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics |= {
                    metric.name for scope in one.scope_metrics for metric in scope.metrics
                }

    def find(self, service: str, name: str) -> list[Told]:
        """Find spans of a service, by the beginning of their names."""
        return [
            span for span in self.spans if span.service == service and span.name.startswith(name)
        ]


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a free port."""
    collector = Collector()

    class Handler(JsonHandler):
        def do_POST(self) -> None:
            collector.take(self.path, self.body())
            self.answer(200, b"", "application/x-protobuf")

    with serving(Handler) as url:
        collector.url = url
        yield collector


def _read(resource: Any, told: Any, name: str) -> Told:
    (service,) = (
        one.value.string_value for one in resource.attributes if one.key == "service.name"
    )
    attributes = {one.key: _value(one.value) for one in told.attributes}
    parent = getattr(told, "parent_span_id", b"").hex()
    return Told(service, name, told.trace_id.hex(), told.span_id.hex(), parent, attributes)


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))
