import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import PrivateAttr

from services.common.access.keys import generate_key
from services.common.errors.model import ModelError
from services.common.llm.endpoint import ChatEndpoint, Reader, Reply
from services.common.llm.guard import ProviderGuard
from services.common.llm.guarded_model import GuardedModel
from services.common.llm.relay.endpoint_relay import EndpointRelay
from services.common.llm.relay.langchain_relay import LangChainRelay
from services.common.tracing.inference import asking_about, inferring
from services.common.tracing.telemetry import OFF, switch

if TYPE_CHECKING:
    from conftest import Heard

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
    {
        "id": "chatcmpl-1",
        "model": "gpt-9-2026",
        "choices": [{"index": 0, "delta": {"content": "sorted"}}],
    },
    {"choices": [{"delta": {"content": "(items)"}, "finish_reason": None}], "usage": None},
    {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": USAGE},
]
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-9",
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


class Provider:
    """Answers whole or in pieces; one that fails has words that nobody is to read."""

    fails = False

    def __init__(self) -> None:
        self.is_read = asyncio.Event()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        failure = {"error": {"message": "The words of user 7."}}
        if not (await request.json()).get("stream"):
            if self.fails:
                return web.json_response(failure, status=401)
            return web.json_response(WHOLE)
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in [PIECES[0], failure] if self.fails else PIECES:
            await response.write(b"data: " + json.dumps(piece).encode() + b"\n\n")
            if self.fails:
                await self.is_read.wait()
        await response.write(b"data: [DONE]\n\n")
        return response


class Endpoint(ChatEndpoint):
    """Knows the span under which it was asked."""

    asked_in = trace.INVALID_SPAN

    async def ask(
        self, request: Mapping[str, Any], own: Mapping[str, Any], read: Reader[Reply]
    ) -> Reply:
        self.asked_in = trace.get_current_span()
        return await super().ask(request, own, read)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def endpoint(provider: Provider) -> AsyncIterator[Endpoint]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", provider.__call__)
    async with TestServer(app) as server:
        url = str(server.make_url("/v1"))
        endpoint = Endpoint(base_url=url, model="gpt-9", api_key=None, timeout_seconds=60)
        yield endpoint
        await endpoint.aclose()


@pytest.fixture
def relay(endpoint: Endpoint) -> EndpointRelay:
    return EndpointRelay(endpoint, {"temperature": 0.5})


async def stream(relay: EndpointRelay, request: Mapping[str, Any] = REQUEST) -> bytes:
    return b"".join([block async for block in relay.stream(request)])


async def test_a_whole_answer_is_one_span_of_the_conventions(
    heard: "Heard", relay: EndpointRelay, endpoint: Endpoint
) -> None:
    with asking_about("code_generation", 3, "s-1"):
        answer = await relay.complete(REQUEST)
    (span,) = heard.spans
    assert json.loads(answer) == WHOLE
    assert (span.name, span.kind) == ("chat gpt-9", SpanKind.CLIENT)
    assert endpoint.asked_in.get_span_context() == span.context
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


async def test_a_stream_is_one_span_until_its_end(
    heard: "Heard", relay: EndpointRelay, endpoint: Endpoint
) -> None:
    events = await stream(relay)
    told = heard.span
    assert events.count(b"data: ") == len(PIECES) + 1
    assert told.pop("gen_ai.response.time_to_first_chunk") > 0
    assert told == {**CALL, **PARAMETERS, **ANSWERED, "gen_ai.request.stream": True}
    assert endpoint.asked_in.get_span_context() == heard.spans[0].context
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_the_figures_of_calls_have_the_names_of_the_conventions(
    heard: "Heard", relay: EndpointRelay, provider: Provider
) -> None:
    await relay.complete(REQUEST)
    await stream(relay)
    provider.fails = True
    with pytest.raises(ModelError) as failure:
        await relay.complete(REQUEST)
    figures = heard.figures
    prefix = "gen_ai.client.inference."
    tokens = ["input_tokens", "output_tokens", "cache_read.input_tokens", "reasoning.output_tokens"]
    assert figures.keys() == {
        *(f"{prefix}usage.{name}" for name in tokens),
        f"{prefix}duration",
        f"{prefix}time_to_first_chunk",
    }
    answered = {**CALL, "gen_ai.response.model": "gpt-9-2026"}
    failed = {**CALL, "error.type": failure.value.code}
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


async def test_a_failure_is_told_by_its_code_and_never_by_its_words(
    heard: "Heard", relay: EndpointRelay, provider: Provider
) -> None:
    provider.fails = True
    events = relay.stream(REQUEST)
    await anext(events)
    provider.is_read.set()
    with pytest.raises(ModelError) as failure:
        await anext(events)
    (span,) = heard.spans
    assert heard.span["error.type"] == failure.value.code
    assert heard.span["gen_ai.response.finish_reasons"] == ("error",)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert not span.events
    assert "user 7" not in span.to_json()


async def test_a_stream_that_its_client_leaves_ends_its_span(
    heard: "Heard", relay: EndpointRelay
) -> None:
    events = relay.stream(REQUEST)
    await anext(events)
    await events.aclose()
    assert heard.span["error.type"] == "GeneratorExit"


async def test_what_is_asked_side_by_side_is_told_apart(
    heard: "Heard", relay: EndpointRelay
) -> None:
    async def ask(name: str) -> None:
        with asking_about(name):
            await relay.complete(REQUEST)

    await asyncio.gather(ask("one"), ask("two"))
    assert {(span.attributes or {})["gen_ai.prompt.name"] for span in heard.spans} == {"one", "two"}


async def test_content_is_in_spans_only_where_that_is_asked_for(
    heard: "Heard", relay: EndpointRelay
) -> None:
    key = generate_key().text
    asked = f"My password is: hunter2hunter2, my key {key}"
    request = {"messages": [{"role": "user", "content": asked}]}
    await relay.complete(request)
    assert not any("messages" in name for name in heard.span)
    assert "sorted" not in heard.spans[0].to_json()
    heard.listen("SPAN_ONLY")
    with asking_about("code_generation", 3):
        await stream(relay, request)
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


async def test_content_is_in_an_event_where_that_is_asked_for(
    heard: "Heard", relay: EndpointRelay
) -> None:
    heard.listen("EVENT_ONLY")
    await relay.complete(REQUEST)
    (event,) = heard.events
    assert event.event_name == "gen_ai.client.inference.operation.details"
    assert event.span_id == heard.spans[0].context.span_id  # type: ignore[union-attr]
    assert event.attributes["gen_ai.response.model"] == "gpt-9-2026"
    (message,) = event.attributes["gen_ai.input.messages"]
    assert message["role"] == "user"
    assert not any("messages" in name for name in heard.span)


def test_a_message_of_langchain_is_told_like_a_completion(heard: "Heard") -> None:
    heard.listen("SPAN_ONLY")
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


class Watchful(BaseChatModel):
    """Keeps the name of the span that its provider's call would belong to."""

    _seen: list[str] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "watchful"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        self._seen.append(getattr(trace.get_current_span(), "name", "none"))
        return ChatResult(generations=[ChatGeneration(message=AIMessage("sorted(items)"))])


async def test_what_a_model_of_langchain_asks_its_provider_belongs_to_its_span(
    heard: "Heard",
) -> None:
    model = Watchful()
    guard = ProviderGuard("anthropic:claude-9")
    relay = LangChainRelay(model, name="claude-9", timeout_seconds=5, guard=guard)
    await GuardedModel(model, guard).ainvoke("Sort a list")
    await relay.complete(REQUEST)
    async for _ in relay.stream(REQUEST):
        assert trace.get_current_span() is trace.INVALID_SPAN  # others run meanwhile
    assert model._seen == [span.name for span in heard.spans] == ["chat claude-9"] * 3


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": None, "seed": 2**70, "temperature": "hot", "top_p": None},
        {"messages": ["no message"], "response_format": "json"},
    ],
)
async def test_what_no_attribute_can_hold_is_left_out(
    heard: "Heard", relay: EndpointRelay, request_: dict[str, Any]
) -> None:
    heard.listen("SPAN_ONLY")
    await relay.complete(request_)
    told = {name for name in heard.span if name.startswith("gen_ai.request")}
    assert told <= {"gen_ai.request.model", "gen_ai.request.temperature"}


async def test_nothing_is_told_where_nothing_is_switched_on(
    heard: "Heard", relay: EndpointRelay, endpoint: Endpoint
) -> None:
    switch(OFF)
    await relay.complete(REQUEST)
    await stream(relay)
    assert endpoint.asked_in is trace.INVALID_SPAN
    assert not heard.spans
