import sys
from typing import Any
from unittest.mock import MagicMock
from uuid import uuid4

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from pydantic import ValidationError
from support.http_server import JsonHandler, serving
from support.proxy import recording_proxy

from services.common.access.keys import generate_key
from services.common.config import Settings
from services.common.schemas import EvaluationResponse
from services.common.tracing import setup
from services.common.tracing.evaluation import evaluating
from services.common.tracing.inference import inferring
from services.common.tracing.setup import configure_tracing, flush_telemetry, is_on
from services.common.tracing.telemetry import OFF, Signal, switch


def make_settings(**overrides: Any) -> Settings:
    return Settings(
        **{
            "_env_file": None,
            "otel_sdk_disabled": False,
            "otel_traces_exporter": "",
            "otel_exporter_otlp_endpoint": "",
            "otel_exporter_otlp_traces_endpoint": "",
            "otel_logs_exporter": "",
            "otel_exporter_otlp_logs_endpoint": "",
            "otel_metrics_exporter": "",
            "otel_exporter_otlp_metrics_endpoint": "",
            **overrides,
        }
    )


@pytest.mark.parametrize(
    ("overrides", "expected"),
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
    overrides: dict[str, Any], expected: bool
) -> None:
    assert is_on(make_settings(**overrides), "traces") is expected


@pytest.mark.parametrize(
    ("signal", "overrides", "expected"),
    [
        ("logs", {"otel_exporter_otlp_endpoint": "http://otel:4318"}, True),
        ("logs", {"otel_exporter_otlp_endpoint": "http://x", "otel_logs_exporter": "none"}, False),
        ("logs", {"otel_exporter_otlp_logs_endpoint": "http://otel:4318/v1/logs"}, True),
        ("logs", {"otel_traces_exporter": "otlp"}, False),
        ("metrics", {"otel_exporter_otlp_endpoint": "http://otel:4318"}, False),
        ("metrics", {"otel_metrics_exporter": "otlp"}, True),
        ("metrics", {"otel_exporter_otlp_metrics_endpoint": "http://otel/v1/metrics"}, True),
        ("metrics", {"otel_metrics_exporter": "otlp", "otel_sdk_disabled": True}, False),
    ],
)
def test_events_are_on_with_traces_and_metrics_by_their_own_name(
    signal: Signal, overrides: dict[str, Any], expected: bool
) -> None:
    assert is_on(make_settings(**overrides), signal) is expected


@pytest.mark.parametrize("value", ["true", "spans"])
def test_a_switch_for_content_that_means_nothing_is_refused(value: str) -> None:
    with pytest.raises(ValidationError, match="NO_CONTENT"):
        make_settings(otel_instrumentation_genai_capture_message_content=value)


def test_a_service_that_is_not_traced_does_not_import_the_exporter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporter = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, exporter, None)  # an import would fail

    configure_tracing(FastAPI(), "worker", make_settings())


def test_what_is_for_a_collector_on_this_machine_never_reaches_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    got: list[str] = []

    class Collector(JsonHandler):
        def do_POST(self) -> None:
            self.body()
            got.append(self.path)
            self.answer(200, b"")

    # Instrumenting is for the whole process, and a provider is set once: neither is tried here.
    for name in (
        "aiohttp_client.AioHttpClientInstrumentor", "asyncpg.AsyncPGInstrumentor",
        "fastapi.FastAPIInstrumentor", "httpx.HTTPXClientInstrumentor",
        "httpx.HTTPX2ClientInstrumentor",
    ):  # fmt: skip
        monkeypatch.setattr(f"opentelemetry.instrumentation.{name}", MagicMock())
    providers: list[TracerProvider] = []
    monkeypatch.setattr("opentelemetry.trace.set_tracer_provider", providers.append)
    monkeypatch.setattr("opentelemetry.propagate.set_global_textmap", MagicMock())
    with recording_proxy(monkeypatch) as asked, serving(Collector) as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        settings = make_settings(otel_exporter_otlp_endpoint=url, otel_metrics_exporter="otlp")
        configure_tracing(FastAPI(), "worker", settings)
        with evaluating("code_generation", None) as tell, inferring("local:m", {}):
            tell(EvaluationResponse(request_id=uuid4(), score=1, passed=True, detail={}))
        flush_telemetry()
    switch(OFF)
    assert (sorted(got), asked) == (["/v1/logs", "/v1/metrics", "/v1/traces"], [])


def test_a_key_that_somebody_put_into_a_url_is_not_in_the_span() -> None:
    key = generate_key().text
    quoted = key.replace("_", "%5F")
    attributes = {
        "http.url": f"http://x/v1?k={quoted}",
        "url.query": f"k={key}",
        "http.route": "/v1",
    }
    span = TracerProvider().get_tracer("test").start_span(f"GET /{key}", attributes=attributes)
    setup.mask_keys_in_span(span, {})
    assert (span.name, dict(span.attributes)) == (  # type: ignore[attr-defined]
        "***",
        {"http.url": "***", "url.query": "***", "http.route": "/v1"},
    )
