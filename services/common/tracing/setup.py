"""OpenTelemetry, switched on by its standard environment variables."""

from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from fastapi import FastAPI
from opentelemetry import trace

from services.common.access.keys import holds_key
from services.common.http import is_own_address
from services.common.settings.process import TracingSettings
from services.common.tracing.telemetry import Figures, Telemetry, switch_on

if TYPE_CHECKING:
    import requests
    from opentelemetry._logs import Logger
    from opentelemetry.sdk.resources import Resource

UNTRACED_PATHS = "health,metrics"
# Kept out of spans even where the SDK's variables ask for headers.
SECRET_HEADERS = ["authorization", "x-internal-token"]
MASK = "***"
SCOPE = "selfheal"

Signal = Literal["traces", "logs", "metrics"]

_to_flush: list[Any] = []


def is_on(settings: TracingSettings, signal: Signal) -> bool:
    """Tell whether a signal's exporter or endpoint is named, and the SDK isn't switched off.

    The endpoint for all signals switches on traces and events; metrics are asked for by name, since
    every service gives its own to Prometheus already.
    """
    exporter = getattr(settings, f"otel_{signal}_exporter")
    if settings.otel_sdk_disabled or exporter == "none":
        return False
    shared = settings.otel_exporter_otlp_endpoint if signal != "metrics" else ""
    return bool(exporter or shared or getattr(settings, f"otel_exporter_otlp_{signal}_endpoint"))


def configure_tracing(app: FastAPI | None, service: str, settings: TracingSettings) -> None:
    """Tell of requests, calls between services, queries and model calls; nothing where it is off.

    The SDK is imported only here: it costs a service that isn't traced nothing.

    Args:
        app: Whose requests are traced; None for a process that serves none.
        service: Its name.
        settings: Say what is on.
    """
    signals: list[Signal] = ["traces", "logs", "metrics"]
    on = [signal for signal in signals if is_on(settings, signal)]
    if not on:
        return
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

    name = settings.otel_service_name or f"selfheal-{service}"
    resource = Resource.create({"service.name": name})
    tracer: trace.Tracer = trace.NoOpTracer()
    if "traces" in on:
        tracer = _trace(app, settings, resource)
    mode = settings.otel_instrumentation_genai_capture_message_content
    switch_on(
        Telemetry(
            tracer,
            _measure(settings, resource) if "metrics" in on else None,
            _log(settings, resource) if "logs" in on else None,
            content_on_spans=mode in ("SPAN_ONLY", "SPAN_AND_EVENT"),
            content_on_events=mode in ("EVENT_ONLY", "SPAN_AND_EVENT"),
        )
    )


def _trace(app: FastAPI | None, settings: TracingSettings, resource: "Resource") -> trace.Tracer:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor  # noqa: PLC0415
    from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor  # noqa: PLC0415
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415
    from opentelemetry.propagate import set_global_textmap  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import (  # noqa: PLC0415
        BatchSpanProcessor,
        ConsoleSpanExporter,
        SpanExporter,
    )
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
        TraceContextTextMapPropagator,
    )

    exporter: SpanExporter = (
        ConsoleSpanExporter()
        if settings.otel_traces_exporter == "console"
        else OTLPSpanExporter(session=_open_session(settings, "traces"))
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    # By default a client's baggage would go along too, as far as to the model's provider.
    set_global_textmap(TraceContextTextMapPropagator())
    if app is not None:
        FastAPIInstrumentor.instrument_app(
            app,
            excluded_urls=UNTRACED_PATHS,
            # Of a stream that would be a span for each chunk.
            exclude_spans=["receive", "send"],
            server_request_hook=mask_keys_in_span,
            http_capture_headers_sanitize_fields=SECRET_HEADERS,
        )
    AioHttpClientInstrumentor().instrument()
    AsyncPGInstrumentor().instrument()  # type: ignore[no-untyped-call]
    _to_flush.append(provider)
    return provider.get_tracer(SCOPE)


def _log(settings: TracingSettings, resource: "Resource") -> "Logger":
    """Export events: the processes' own logs go where they went."""
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415
    from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415
    from opentelemetry.sdk._logs.export import (  # noqa: PLC0415
        BatchLogRecordProcessor,
        ConsoleLogRecordExporter,
        LogRecordExporter,
    )

    exporter: LogRecordExporter = (
        ConsoleLogRecordExporter()
        if settings.otel_logs_exporter == "console"
        else OTLPLogExporter(session=_open_session(settings, "logs"))
    )
    provider = LoggerProvider(resource=resource)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    _to_flush.append(provider)
    return provider.get_logger(SCOPE)


def _measure(settings: TracingSettings, resource: "Resource") -> Figures:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import (  # noqa: PLC0415
        ConsoleMetricExporter,
        MetricExporter,
        PeriodicExportingMetricReader,
    )

    exporter: MetricExporter = (
        ConsoleMetricExporter()
        if settings.otel_metrics_exporter == "console"
        else OTLPMetricExporter(session=_open_session(settings, "metrics"))
    )
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)], resource)
    _to_flush.append(provider)
    return Figures(provider.get_meter(SCOPE))


def _open_session(settings: TracingSettings, signal: Signal) -> "requests.Session | None":
    """Make a session that asks no proxy for a collector that is on this machine or beside it."""
    import requests  # noqa: PLC0415

    own = getattr(settings, f"otel_exporter_otlp_{signal}_endpoint")
    if not is_own_address(own or settings.otel_exporter_otlp_endpoint):
        return None
    session = requests.Session()
    session.trust_env = False
    return session


def mask_keys_in_span(span: trace.Span, _scope: dict[str, Any]) -> None:
    """Blank out what a key stands in, such as the URL of somebody who put it there."""
    attributes = getattr(span, "attributes", None) or {}
    for name, value in dict(attributes).items():
        if isinstance(value, str) and holds_key(unquote(value)):
            span.set_attribute(name, MASK)
    if holds_key(unquote(getattr(span, "name", ""))):
        span.update_name(MASK)


def flush_telemetry() -> None:
    """Send what is still waiting, before the process ends."""
    while _to_flush:
        _to_flush.pop().shutdown()
