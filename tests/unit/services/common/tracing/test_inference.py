import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from services.common.access.keys import generate_key
from services.common.errors.model import ModelRateLimitedError, ModelUnavailableError
from services.common.llm.relay.traced_relay import TracedRelay
from services.common.tracing.inference import asking_about, inferring
from services.common.tracing.telemetry import switch_off

if TYPE_CHECKING:
    from conftest import Heard

URL = "https://api.openai.com/v1"
REQUEST = {"messages": [{"role": "user", "content": "Sort a list"}], "temperature": 0, "seed": 7}
USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 8},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
WHOLE = {
    "id": "chatcmpl-1",
    "model": "gpt-9-2026",
    "choices": [{"message": {"content": "sorted(items)"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
PIECES = [
    {"id": "chatcmpl-1", "model": "gpt-9-2026", "choices": [{"delta": {"content": "sorted"}}]},
    {"choices": [{"delta": {"content": "(items)"}, "finish_reason": None}], "usage": None},
    {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": USAGE},
]
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-9",
    "server.address": "api.openai.com",
    "server.port": 443,
}
ANSWERED = {
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.model": "gpt-9-2026",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.cache_read.input_tokens": 8,
    "gen_ai.usage.reasoning.output_tokens": 2,
}
PARAMETERS = {"gen_ai.request.temperature": 0, "gen_ai.request.seed": 7}


class Relay:
    """Answers as a provider does; knows the span under which its call was made."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked_in = trace.INVALID_SPAN

    async def complete(self, request: Mapping[str, Any]) -> bytes:
        self.asked_in = trace.get_current_span()
        if self.error:
            raise self.error
        return json.dumps(WHOLE).encode()

    async def stream(self, request: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        self.asked_in = trace.get_current_span()
        for piece in PIECES:
            yield b"data: " + json.dumps(piece).encode() + b"\n\n"
            if self.error:
                raise self.error
        yield b"data: [DONE]\n\n"


def make_relay(relay: Relay) -> TracedRelay:
    return TracedRelay(relay, "openai:gpt-9", {"temperature": 0.5}, URL)


async def test_a_whole_answer_is_one_span_of_the_conventions(heard: "Heard") -> None:
    relay = Relay()
    with asking_about("code_generation", 3, "s-1"):
        answer = await make_relay(relay).complete(REQUEST)
    (span,) = heard.spans
    assert json.loads(answer) == WHOLE
    assert (span.name, span.kind) == ("chat gpt-9", SpanKind.CLIENT)
    assert relay.asked_in.get_span_context() == span.context
    assert heard.span == {
        **CALL,
        **PARAMETERS,
        **ANSWERED,
        "gen_ai.prompt.name": "code_generation",
        "gen_ai.prompt.version": "3",
        "gen_ai.conversation.id": "s-1",
        "langfuse.observation.prompt.name": "code_generation",
        "langfuse.observation.prompt.version": 3,
        "langfuse.observation.input": "(not captured)",
    }


async def test_a_stream_is_one_span_until_its_end(heard: "Heard") -> None:
    relay = Relay()
    events = [event async for event in make_relay(relay).stream(REQUEST)]
    told = heard.span
    assert len(events) == len(PIECES) + 1
    assert told.pop("gen_ai.response.time_to_first_chunk") > 0
    assert told == {**CALL, **PARAMETERS, **ANSWERED, "gen_ai.request.stream": True}
    assert relay.asked_in.get_span_context() == heard.spans[0].context
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_the_figures_of_calls_have_the_names_of_the_conventions(heard: "Heard") -> None:
    relay = make_relay(Relay())
    await relay.complete(REQUEST)
    [event async for event in relay.stream(REQUEST)]
    with pytest.raises(ModelUnavailableError):
        await make_relay(Relay(ModelUnavailableError("gone"))).complete(REQUEST)
    figures = heard.figures
    prefix = "gen_ai.client.inference."
    tokens = ["input_tokens", "output_tokens", "cache_read.input_tokens", "reasoning.output_tokens"]
    assert figures.keys() == {
        *(f"{prefix}usage.{name}" for name in tokens),
        f"{prefix}duration",
        f"{prefix}time_to_first_chunk",
    }
    answered = {**CALL, "gen_ai.response.model": "gpt-9-2026"}
    failed = {**CALL, "error.type": ModelUnavailableError.code}
    durations = figures[f"{prefix}duration"]
    assert [(point.count, dict(point.attributes)) for point in durations] == [
        (2, answered),
        (1, failed),
    ]
    assert len(durations[0].explicit_bounds) == 14
    assert durations[0].explicit_bounds[-1] == pytest.approx(81.92)
    assert [point.count for point in figures[f"{prefix}time_to_first_chunk"]] == [1]
    counted = {"gen_ai.token.modality": "unknown"}
    assert [
        (point.value, dict(point.attributes)) for point in figures[f"{prefix}usage.input_tokens"]
    ] == [(24, {**answered, **counted}), (0, {**CALL, **counted})]


async def test_a_failure_is_told_by_its_code_and_never_by_its_words(heard: "Heard") -> None:
    relay = make_relay(Relay(ModelRateLimitedError("The words of user 7.")))
    with pytest.raises(ModelRateLimitedError):
        [event async for event in relay.stream(REQUEST)]
    (span,) = heard.spans
    assert heard.span["error.type"] == ModelRateLimitedError.code
    assert heard.span["gen_ai.response.finish_reasons"] == ("error",)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert not span.events
    assert "user 7" not in span.to_json()


async def test_a_stream_that_its_client_leaves_ends_its_span(heard: "Heard") -> None:
    events = make_relay(Relay()).stream(REQUEST)
    await anext(events)
    await events.aclose()
    assert heard.span["error.type"] == "GeneratorExit"


async def test_what_is_asked_side_by_side_is_told_apart(heard: "Heard") -> None:
    async def ask(name: str) -> None:
        with asking_about(name):
            await make_relay(Relay()).complete(REQUEST)

    await asyncio.gather(ask("one"), ask("two"))
    assert {(span.attributes or {})["gen_ai.prompt.name"] for span in heard.spans} == {"one", "two"}


async def test_content_is_in_spans_only_where_that_is_asked_for(heard: "Heard") -> None:
    key = generate_key().text
    asked = f"My password is: hunter2hunter2, my key {key}"
    request = {"messages": [{"role": "user", "content": asked}]}
    await make_relay(Relay()).complete(request)
    assert not any("messages" in name for name in heard.span)
    assert "sorted" not in heard.spans[0].to_json()
    heard.listen(content_on_spans=True)
    with asking_about("code_generation", 3):
        [event async for event in make_relay(Relay()).stream(request)]
    told = dict(heard.spans[1].attributes or {})
    (message,) = json.loads(str(told["gen_ai.input.messages"]))
    said = message["parts"][0]["content"]
    assert (message["role"], said.count("***")) == ("user", 2)
    assert key not in heard.spans[1].to_json()
    assert "hunter2" not in heard.spans[1].to_json()
    assert json.loads(str(told["gen_ai.output.messages"])) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "sorted(items)"}],
            "finish_reason": "stop",
        }
    ]
    # What Langfuse would otherwise take from `gen_ai.prompt.name`.
    assert told["langfuse.observation.input"] == told["gen_ai.input.messages"]
    assert told["langfuse.observation.output"] == told["gen_ai.output.messages"]
    assert not heard.events


async def test_content_is_in_an_event_where_that_is_asked_for(heard: "Heard") -> None:
    heard.listen(content_on_events=True)
    await make_relay(Relay()).complete(REQUEST)
    (event,) = heard.events
    assert event.event_name == "gen_ai.client.inference.operation.details"
    assert event.span_id == heard.spans[0].context.span_id  # type: ignore[union-attr]
    assert event.attributes["gen_ai.response.model"] == "gpt-9-2026"
    (message,) = event.attributes["gen_ai.input.messages"]
    assert message["role"] == "user"
    assert not any("messages" in name for name in heard.span)


def test_a_message_of_langchain_is_told_like_a_completion(heard: "Heard") -> None:
    heard.listen(content_on_spans=True)
    messages = [SystemMessage("Be brief."), HumanMessage("Hi")]
    with inferring("mistralai:large", {"messages": messages}) as inference:
        assert inference
        inference.tell_message(
            AIMessage(
                "Hello",
                response_metadata={"model_name": "large-2", "finish_reason": "stop"},
                usage_metadata={"input_tokens": 3, "output_tokens": 1, "total_tokens": 4},
            )
        )
    told = heard.span
    assert told["gen_ai.provider.name"] == "mistral_ai"
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (3, 1)
    said = json.loads(told["gen_ai.input.messages"])
    assert [message["role"] for message in said] == ["system", "user"]


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": None, "seed": 2**70, "temperature": "hot", "top_p": None},
        {"messages": ["no message"], "response_format": "json"},
    ],
)
async def test_what_no_attribute_can_hold_is_left_out(
    heard: "Heard", request_: dict[str, Any]
) -> None:
    heard.listen(content_on_spans=True)
    await make_relay(Relay()).complete(request_)
    told = {name for name in heard.span if name.startswith("gen_ai.request")}
    assert told <= {"gen_ai.request.model", "gen_ai.request.temperature"}


async def test_nothing_is_told_where_nothing_is_switched_on(heard: "Heard") -> None:
    switch_off()
    relay = Relay()
    await make_relay(relay).complete(REQUEST)
    [event async for event in make_relay(relay).stream(REQUEST)]
    assert relay.asked_in is trace.INVALID_SPAN
    assert not heard.spans
