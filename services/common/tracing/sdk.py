"""The SDK's providers, each with its exporter; imported only where something is switched on."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import requests
from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import (
    HTTPX2ClientInstrumentor,
    HTTPXClientInstrumentor,
)
from opentelemetry.propagate import set_global_textmap
from opentelemetry.sdk import _logs, metrics, trace
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, ConsoleLogRecordExporter
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.trace import Span, set_tracer_provider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.common.http import is_own_address
from services.common.settings.process import TracingSettings
from services.common.tracing.telemetry import Signal

UNTRACED_PATHS = "health,metrics"
# Kept out of spans even where the SDK's variables ask for headers.
SECRET_HEADERS = ["authorization", "x-internal-token"]
E = TypeVar("E")


def make_providers(
    service: str, settings: TracingSettings, signals: Sequence[Signal]
) -> dict[Signal, Any]:
    """Make the providers of these signals, each to be shut down."""
    resource = Resource.create(
        {"service.name": settings.otel_service_name or f"selfheal-{service}"}
    )
    made: dict[Signal, Any] = {}
    if "traces" in signals:
        made["traces"] = tracers = trace.TracerProvider(resource=resource)
        spans = _make_exporter(settings, "traces", ConsoleSpanExporter, OTLPSpanExporter)
        tracers.add_span_processor(BatchSpanProcessor(spans))
    if "logs" in signals:
        made["logs"] = loggers = _logs.LoggerProvider(resource=resource)
        records = _make_exporter(settings, "logs", ConsoleLogRecordExporter, OTLPLogExporter)
        loggers.add_log_record_processor(BatchLogRecordProcessor(records))
    if "metrics" in signals:
        points = _make_exporter(settings, "metrics", ConsoleMetricExporter, OTLPMetricExporter)
        reader = PeriodicExportingMetricReader(points)
        made["metrics"] = metrics.MeterProvider([reader], resource)
    return made


def instrument(
    app: FastAPI | None, provider: trace.TracerProvider, hook: Callable[[Span, Any], None]
) -> None:
    """Trace an app's requests, calls between services and queries; the hook sees each request."""
    set_tracer_provider(provider)
    # By default a client's baggage would go along too, as far as to the model's provider.
    set_global_textmap(TraceContextTextMapPropagator())
    if app is not None:
        FastAPIInstrumentor.instrument_app(
            app,
            excluded_urls=UNTRACED_PATHS,
            # Of a stream that would be a span for each chunk.
            exclude_spans=["receive", "send"],
            server_request_hook=hook,
            http_capture_headers_sanitize_fields=SECRET_HEADERS,
        )
    AioHttpClientInstrumentor().instrument()
    # What the models of LangChain ask their providers by, whichever of the two is there.
    HTTPXClientInstrumentor().instrument()
    HTTPX2ClientInstrumentor().instrument()
    AsyncPGInstrumentor().instrument()  # type: ignore[no-untyped-call]


def _make_exporter(
    settings: TracingSettings, signal: Signal, console: Callable[[], E], otlp: Callable[..., E]
) -> E:
    """Make an exporter that asks no proxy for a collector on this machine or beside it."""
    if getattr(settings, f"otel_{signal}_exporter") == "console":
        return console()
    own = getattr(settings, f"otel_exporter_otlp_{signal}_endpoint")
    session = None
    if is_own_address(own or settings.otel_exporter_otlp_endpoint):
        session = requests.Session()
        session.trust_env = False
    return otlp(session=session)
