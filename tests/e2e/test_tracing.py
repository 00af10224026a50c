"""OpenTelemetry, switched on by its standard variables, through all services to the provider."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.collector import Collector, collecting
from support.http_server import JsonHandler, serving
from support.running_system import GUIDE_INJECTION, RunningSystem, make_system

from selfheal.runtime.waiting import wait_until

KEY = "sk-traced0key1of2ours3never4told5"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
ASKED = "Write a function named traced_addition that adds two numbers"
CODE = (
    '```python\ndef traced_addition(a: int, b: int) -> int:\n    """Add."""\n    return a + b\n```'
)
GRADE = json.dumps({"score": 0.9, "confidence": 0.9, "reason": "It adds."})
JUDGE = "a-judge"


class Provider:
    """A model's provider that keeps the headers of what it is asked in our trace, by model."""

    def __init__(self) -> None:
        self.headers: dict[str, list[dict[str, str]]] = {}

    @contextmanager
    def serving(self) -> Iterator[str]:
        headers = self.headers

        class Handler(JsonHandler):
            def do_POST(self) -> None:
                model = json.loads(self.body())["model"]
                # A canary of the Evaluator asks the judge too.
                if TRACE in self.headers.get("traceparent", ""):
                    sent = {name.lower(): value for name, value in self.headers.items()}
                    headers.setdefault(model, []).append(sent)
                said = GRADE if model == JUDGE else CODE
                choice = {
                    "message": {"role": "assistant", "content": said},
                    "finish_reason": "stop",
                }
                usage = {"prompt_tokens": 11, "completion_tokens": 7}
                body = {"id": "x-1", "model": f"{model}-2", "choices": [choice], "usage": usage}
                self.answer(200, json.dumps(body).encode())

        with serving(Handler) as url:
            yield url


def play(directory: Path, **variables: str) -> tuple[Collector, Provider]:
    """Have both doors asked once, in the same trace of their client's; wait for the scores."""
    system, provider = make_system(directory), Provider()
    with collecting() as collector, provider.serving() as url:
        own = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_METRICS_EXPORTER": "otlp",
            "LLM_PROVIDER": "openai",
            "LLM_BASE_URL": f"{url}/v1",
            "LLM_MODEL": "a-model",
            "LLM_API_KEY": KEY,
            # Of LangChain's, with its own client for HTTP.
            "JUDGE_MODEL": f"azure_openai:{JUDGE}",
            "AZURE_OPENAI_ENDPOINT": url,
            "AZURE_OPENAI_API_KEY": KEY,
            "OPENAI_API_VERSION": "2024-10-21",
            **variables,
        }
        system.environment.update(own)
        try:
            system.selfheal("up")
            ask_both(system)
        finally:
            system.selfheal("reset", "--yes")
    return collector, provider


def ask_both(system: RunningSystem) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "baggage": "user=private"}
    body: dict[str, Any] = {"user_input": ASKED, "task_type": "code_generation"}
    assert system.post("manager", "/api/v1/request", body, headers).status == 200
    messages = [{"role": "user", "content": f"{ASKED}. My password: {KEY}"}]
    body = {
        "model": "code_generation",
        "messages": messages,
        "selfheal": {"session_id": "session-1"},
    }
    answer = system.post("manager", "/v1/chat/completions", body, headers)
    path = f"/api/v1/requests/{answer.headers['x-selfheal-request-id']}"
    assert wait_until(
        lambda: system.get("manager", path).json["evaluation"] == "scored", timeout_seconds=20
    )


def test_one_trace_runs_through_all_services_to_the_provider_and_back_to_the_score(
    tmp_path: Path,
) -> None:
    collector, provider = play(tmp_path)
    told = [*collector.spans, *collector.events]
    ours = {span.name for span in told if span.trace_id == TRACE and span.name}
    assert {"chat a-model", f"chat {JUDGE}", "invoke_agent code_generation"} <= ours
    by_id = {span.span_id: span for span in collector.spans}
    for model in ("a-model", JUDGE):
        assert len(provider.headers[model]) == 2
        for headers in provider.headers[model]:
            span_id = headers["traceparent"].split("-")[2]
            assert by_id[by_id[span_id].parent_id].name == f"chat {model}"
            assert "baggage" not in headers
    agents = collector.find("selfheal-manager", "invoke_agent")
    answered = collector.find("selfheal-worker", "chat ")
    assert [span.attributes.get("gen_ai.conversation.id") for span in agents] == [None, "session-1"]
    assert {
        "gen_ai.provider.name": "openai",
        "gen_ai.response.model": "a-model-2",
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.prompt.name": "code_generation",
        "gen_ai.prompt.version": "1",
        "gen_ai.conversation.id": "session-1",
    }.items() <= answered[1].attributes.items()
    # Of each answer, on the span of its agent, though one came when that had long ended.
    scores = [one for one in collector.events if one.name == "gen_ai.evaluation.result"]
    assert [score.span_id for score in scores] == [agent.span_id for agent in agents]
    for score in scores:
        assert score.trace_id == TRACE
        assert score.attributes["gen_ai.evaluation.score.label"] == "pass"
        assert 0 < score.attributes["gen_ai.evaluation.score.value"] <= 1
        assert score.attributes["selfheal.evaluation.fingerprint"]
    assert {
        "gen_ai.client.inference.duration",
        "gen_ai.client.inference.usage.input_tokens",
        "gen_ai.client.inference.usage.output_tokens",
    } <= collector.metrics
    assert b"traced_addition" not in collector.raw
    assert KEY.encode() not in collector.raw


@pytest.mark.slow
def test_content_is_told_where_the_switch_says_so_and_no_key_ever(tmp_path: Path) -> None:
    switch = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    collector, _ = play(tmp_path, **{switch: "SPAN_AND_EVENT"})
    for span in collector.find("selfheal-worker", "chat "):
        assert "traced_addition" in span.attributes["gen_ai.input.messages"]
        assert "traced_addition" in span.attributes["gen_ai.output.messages"]
    details = [one for one in collector.events if one.name.endswith("operation.details")]
    assert {one.service for one in details} == {"selfheal-worker", "selfheal-evaluator"}
    assert KEY.encode() not in collector.raw


@pytest.mark.slow
def test_a_heal_is_one_trace_with_its_replays_and_their_scores(tmp_path: Path) -> None:
    system = make_system(tmp_path)
    with collecting() as collector:
        system.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
        try:
            system.selfheal("up")
            system.psql(GUIDE_INJECTION)
            for _ in range(3):
                assert system.request(ASKED).status == 200
            system.selfheal("optimize")
        finally:
            system.selfheal("reset", "--yes")
    (heal,) = collector.find("selfheal-optimizer", "heal code_generation")
    assert heal.attributes["gen_ai.prompt.name"] == "code_generation"
    within = [span for span in collector.spans if span.trace_id == heal.trace_id]
    asked = {(span.service, span.attributes.get("gen_ai.prompt.name")) for span in within}
    assert ("selfheal-worker", "code_generation") in asked
    assert "selfheal-evaluator" in {span.service for span in within}
