"""OpenTelemetry tracing, switched on by its standard environment variables."""

from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from opentelemetry import trace

from services.common.access.keys import holds_key
from services.common.http import is_own_address
from services.common.settings.process import TracingSettings

UNTRACED_PATHS = "health,metrics"
# Kept out of spans even where the SDK's variables ask for headers.
SECRET_HEADERS = ["authorization", "x-internal-token"]
MASK = "***"


def is_tracing_on(settings: TracingSettings) -> bool:
    """Tell whether an exporter or an endpoint is named, and the SDK isn't switched off."""
    if settings.otel_sdk_disabled or settings.otel_traces_exporter == "none":
        return False
    return bool(
        settings.otel_traces_exporter
        or settings.otel_exporter_otlp_endpoint
        or settings.otel_exporter_otlp_traces_endpoint
    )


def configure_tracing(app: FastAPI, service: str, settings: TracingSettings) -> None:
    """Trace requests, the calls between services and the queries; nothing where it is off.

    The SDK is imported only here: it costs a service that isn't traced nothing.
    """
    if not is_tracing_on(settings):
        return
    import requests  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor  # noqa: PLC0415
    from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor  # noqa: PLC0415
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter  # noqa: PLC0415

    session = None
    if is_own_address(
        settings.otel_exporter_otlp_traces_endpoint or settings.otel_exporter_otlp_endpoint
    ):
        session = requests.Session()
        session.trust_env = False  # asks no proxy
    exporter: SpanExporter = (
        ConsoleSpanExporter()
        if settings.otel_traces_exporter == "console"
        else OTLPSpanExporter(session=session)
    )
    name = settings.otel_service_name or f"selfheal-{service}"
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    FastAPIInstrumentor.instrument_app(
        app,
        excluded_urls=UNTRACED_PATHS,
        server_request_hook=mask_keys_in_span,
        http_capture_headers_sanitize_fields=SECRET_HEADERS,
    )
    AioHttpClientInstrumentor().instrument()
    AsyncPGInstrumentor().instrument()  # type: ignore[no-untyped-call]


def mask_keys_in_span(span: trace.Span, _scope: dict[str, Any]) -> None:
    """Blank out what a key stands in, such as the URL of somebody who put it there."""
    attributes = getattr(span, "attributes", None) or {}
    for name, value in dict(attributes).items():
        if isinstance(value, str) and holds_key(unquote(value)):
            span.set_attribute(name, MASK)
    if holds_key(unquote(getattr(span, "name", ""))):
        span.update_name(MASK)


def flush_traces() -> None:
    """Send the spans that are still waiting, before the process ends."""
    shut_down = getattr(trace.get_tracer_provider(), "shutdown", None)
    if shut_down is not None:
        shut_down()
