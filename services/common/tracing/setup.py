"""OpenTelemetry, switched on by its standard environment variables."""

from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from opentelemetry import trace

from services.common.access.keys import holds_key
from services.common.settings.process import TracingSettings
from services.common.tracing.telemetry import OFF, Figures, Signal, Telemetry, switch

MASK = "***"
SCOPE = "selfheal"

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
    """
    signals: tuple[Signal, ...] = ("traces", "logs", "metrics")
    on = [signal for signal in signals if is_on(settings, signal)]
    if not on:
        return
    from services.common.tracing import sdk  # noqa: PLC0415

    made = sdk.make_providers(service, settings, on)
    _to_flush.extend(made.values())
    if "traces" in made:
        sdk.instrument(app, made["traces"], mask_keys_in_span)
    switch(
        Telemetry(
            made["traces"].get_tracer(SCOPE) if "traces" in made else OFF.tracer,
            Figures(made["metrics"].get_meter(SCOPE)) if "metrics" in made else None,
            made["logs"].get_logger(SCOPE) if "logs" in made else OFF.logger,
            settings.otel_instrumentation_genai_capture_message_content,
        )
    )


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
