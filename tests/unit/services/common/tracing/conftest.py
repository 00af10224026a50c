from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.common.tracing.telemetry import OFF, Figures, Telemetry, switch


class Heard:
    """What a process told, kept in memory."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._events = InMemoryLogRecordExporter()
        self._metrics = InMemoryMetricReader()
        tracers, loggers = TracerProvider(), LoggerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        loggers.add_log_record_processor(SimpleLogRecordProcessor(self._events))
        figures = Figures(MeterProvider([self._metrics]).get_meter("test"))
        self._telemetry = Telemetry(tracers.get_tracer("t"), figures, loggers.get_logger("t"))

    def listen(self, content: str = OFF.content) -> None:
        switch(replace(self._telemetry, content=content))

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._spans.get_finished_spans()

    @property
    def span(self) -> dict[str, Any]:
        """The attributes of the only span."""
        (span,) = self.spans
        return dict(span.attributes or {})

    @property
    def events(self) -> list[Any]:
        return [one.log_record for one in self._events.get_finished_logs()]

    @property
    def figures(self) -> dict[str, list[Any]]:
        """The points of every metric that has any, by its name."""
        data = self._metrics.get_metrics_data()
        scopes = [scope for one in data.resource_metrics for scope in one.scope_metrics]
        return {
            metric.name: list(metric.data.data_points)
            for scope in scopes
            for metric in scope.metrics
        }


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    heard.listen()
    yield heard
    switch(OFF)
