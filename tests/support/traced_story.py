"""A system under trace: both doors asked once, a provider that keeps what it was sent."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selfheal.runtime.waiting import wait_until

from .collector import Collector, collecting
from .http_server import JsonHandler, serving
from .running_system import RunningSystem, make_system

KEY = "sk-traced0key1of2ours3never4told5"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
ASKED = "Write a function named traced_addition that adds two numbers"
CODE = (
    '```python\ndef traced_addition(a: int, b: int) -> int:\n    """Add."""\n    return a + b\n```'
)
GRADE = json.dumps({"score": 0.9, "confidence": 0.9, "reason": "It adds."})
JUDGE = "a-judge"
# What the provider is asked by model: an answer for each door, and a grade for each answer.
EACH_TWICE = {"a-model": 2, JUDGE: 2}


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
    """Have both doors asked once, in the same trace of their client's; wait for the scores.

    Args:
        directory: Where the system lives.
        variables: Settings of the system; `{url}` in one is the provider's address.
    """
    system, provider = make_system(directory), Provider()
    with collecting() as collector, provider.serving() as url:
        own = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_METRICS_EXPORTER": "otlp",
            "LLM_PROVIDER": "openai",
            "LLM_BASE_URL": f"{url}/v1",
            "LLM_MODEL": "a-model",
            "LLM_API_KEY": KEY,
            "JUDGE_MODEL": f"openai:{JUDGE}",
            **{name: value.format(url=url) for name, value in variables.items()},
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


def find_untraced_calls(collector: Collector, provider: Provider) -> list[dict[str, str]]:
    """Headers of what the provider was asked that belong to no span of a call, or tell too much."""
    by_id = {span.span_id: span for span in collector.spans}

    def is_traced(model: str, headers: dict[str, str]) -> bool:
        span_id = headers["traceparent"].split("-")[2]
        parent = by_id[by_id[span_id].parent_id]
        return parent.name == f"chat {model}" and "baggage" not in headers

    return [
        headers
        for model, asked in provider.headers.items()
        for headers in asked
        if not is_traced(model, headers)
    ]
