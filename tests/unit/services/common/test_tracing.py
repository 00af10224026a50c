import sys
from typing import Any
from unittest.mock import MagicMock

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from support.http_server import JsonHandler, serving
from support.proxy import recording_proxy

from services.common import tracing
from services.common.access.keys import generate_key
from services.common.config import Settings
from services.common.tracing import configure_tracing, is_tracing_on


def make_settings(**overrides: Any) -> Settings:
    return Settings(
        **{
            "_env_file": None,
            "otel_sdk_disabled": False,
            "otel_traces_exporter": "",
            "otel_exporter_otlp_endpoint": "",
            "otel_exporter_otlp_traces_endpoint": "",
            **overrides,
        }
    )


@pytest.mark.parametrize(
    ("overrides", "is_on"),
    [
        pytest.param({}, False, id="nothing set"),
        pytest.param({"otel_traces_exporter": "otlp"}, True, id="an exporter"),
        pytest.param({"otel_traces_exporter": "console"}, True, id="the console"),
        pytest.param({"otel_traces_exporter": "none"}, False, id="the exporter none"),
        pytest.param({"otel_exporter_otlp_endpoint": "http://otel:4318"}, True, id="an endpoint"),
        pytest.param(
            {"otel_exporter_otlp_traces_endpoint": "http://otel:4318/v1/traces"},
            True,
            id="an endpoint for traces",
        ),
        pytest.param(
            {"otel_traces_exporter": "none", "otel_exporter_otlp_endpoint": "http://otel:4318"},
            False,
            id="an endpoint, but the exporter none",
        ),
        pytest.param(
            {"otel_sdk_disabled": True, "otel_traces_exporter": "otlp"}, False, id="switched off"
        ),
    ],
)
def test_tracing_is_on_where_its_standard_variables_say_so(
    overrides: dict[str, Any], is_on: bool
) -> None:
    assert is_tracing_on(make_settings(**overrides)) is is_on


def test_a_service_that_is_not_traced_does_not_import_the_exporter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporter = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, exporter, None)  # an import would fail

    configure_tracing(FastAPI(), "worker", make_settings())


def test_spans_for_a_collector_on_this_machine_never_reach_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    got: list[str] = []

    class Collector(JsonHandler):
        def do_POST(self) -> None:
            self.body()
            got.append(self.path)
            self.answer(200, b"")

    # Instrumenting is for the whole process, and a provider is set once: neither is tried here.
    for name in ("AioHttpClientInstrumentor", "AsyncPGInstrumentor", "FastAPIInstrumentor"):
        module = {"Aio": "aiohttp_client", "Asy": "asyncpg", "Fas": "fastapi"}[name[:3]]
        monkeypatch.setattr(f"opentelemetry.instrumentation.{module}.{name}", MagicMock())
    providers: list[TracerProvider] = []
    monkeypatch.setattr(tracing.trace, "set_tracer_provider", providers.append)
    with recording_proxy(monkeypatch) as asked, serving(Collector) as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        configure_tracing(FastAPI(), "worker", make_settings(otel_exporter_otlp_endpoint=url))
        providers[0].get_tracer("test").start_span("one").end()
        providers[0].shutdown()
    assert (got, asked) == (["/v1/traces"], [])


def test_a_key_that_somebody_put_into_a_url_is_not_in_the_span() -> None:
    key = generate_key().text
    quoted = key.replace("_", "%5F")
    attributes = {
        "http.url": f"http://x/v1?k={quoted}",
        "url.query": f"k={key}",
        "http.route": "/v1",
    }
    span = TracerProvider().get_tracer("test").start_span(f"GET /{key}", attributes=attributes)
    tracing.mask_keys_in_span(span, {})
    assert (span.name, dict(span.attributes)) == (  # type: ignore[attr-defined]
        "***",
        {"http.url": "***", "url.query": "***", "http.route": "/v1"},
    )
