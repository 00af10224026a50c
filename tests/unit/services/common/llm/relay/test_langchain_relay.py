import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import PrivateAttr

from services.common.chat.chunks import join_chunks
from services.common.errors.model import ModelError, ModelOutOfTimeError
from services.common.llm.guard import ProviderGuard
from services.common.llm.relay.langchain_relay import LangChainRelay
from services.common.resilience.deadline import within
from simulated_model.model import SimulatedChatModel

CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"a": 1}'}}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": f"{name} something",
            "parameters": {
                "type": "object",
                "properties": {"a": {"type": "integer"}},
                "required": ["a"],
            },
        },
    }
    for name in ("find", "count")
]
USAGE = {
    "input_tokens": 3,
    "output_tokens": 2,
    "total_tokens": 5,
    "input_token_details": {"cache_read": 1},
    "output_token_details": {"reasoning": 2},
}
OPENAI_USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "total_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


class ScriptedModel(BaseChatModel):
    """Says what it was told to, or raises it; keeps what it was asked."""

    script: list[Any]
    _asked: list[tuple[list[BaseMessage], dict[str, Any]]] = PrivateAttr(default_factory=list)
    _gone: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(
        self, tools: Any, *, tool_choice: Any = None, **kwargs: Any
    ) -> Runnable[Any, Any]:
        return self.bind(tools=tools, tool_choice=tool_choice, **kwargs)

    def _generate(self, messages: list[BaseMessage], *args: Any, **options: Any) -> ChatResult:
        raise NotImplementedError

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **options: Any
    ) -> ChatResult:
        self._asked.append((messages, {**options, **({"stop": stop} if stop else {})}))
        [message] = self.script
        if isinstance(message, Exception):
            raise message
        return ChatResult(generations=[ChatGeneration(message=message)])


class StreamingModel(ScriptedModel):
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **options: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        self._asked.append((messages, options))
        try:
            for piece in self.script:
                if isinstance(piece, Exception):
                    raise piece
                if piece is None:
                    await asyncio.Event().wait()
                yield ChatGenerationChunk(message=piece)
        finally:
            self._gone.set()


def request(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "t", "messages": list(messages) or [{"role": "user", "content": "Hi"}], **more}


async def read_stream(relay: LangChainRelay, asked: dict[str, Any]) -> list[dict[str, Any]]:
    *events, done, end = b"".join([block async for block in relay.stream(asked)]).split(b"\n\n")
    assert (done, end) == (b"data: [DONE]", b"")
    return [json.loads(event.removeprefix(b"data: ")) for event in events]


def make_relay(model: BaseChatModel, timeout_seconds: float = 5) -> LangChainRelay:
    guard = ProviderGuard("vendor:asked")
    return LangChainRelay(model, name="asked", timeout_seconds=timeout_seconds, guard=guard)


async def ask_both(model: BaseChatModel, asked: dict[str, Any]) -> dict[str, Any]:
    """Ask for a whole answer and for a stream, and see that they say the same."""
    relay = make_relay(model)
    whole = json.loads(await relay.complete(asked))
    chunks = await read_stream(relay, asked)
    joined = join_chunks(chunks)
    assert (whole["choices"], whole.get("usage")) == (joined["choices"], joined.get("usage"))
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    return dict(whole)


async def test_messages_parameters_and_tools_reach_the_model() -> None:
    model = ScriptedModel(script=[AIMessage("Hello")])
    asked = request(
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
        tools=TOOLS,
        tool_choice={"type": "function", "function": {"name": "find"}},
        parallel_tool_calls=False,
        temperature=0.5,
        max_completion_tokens=9,
        stop="x",
        seed=None,
        user="u",
        metadata={"a": "b"},
        stream=False,
        n=1,
    )
    await make_relay(model).complete(asked)
    [(messages, options)] = model._asked

    assert [type(message) for message in messages] == [
        SystemMessage,
        HumanMessage,
        AIMessage,
        ToolMessage,
    ]
    assert isinstance(messages[2], AIMessage)
    assert messages[2].tool_calls[0]["args"] == {"a": 1}
    assert options == {
        "tools": TOOLS,
        "tool_choice": "find",
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "max_tokens": 9,
        "stop": ["x"],
    }


@pytest.mark.parametrize(
    ("choice", "bound"), [("auto", "auto"), ("required", "any"), (None, None), ("none", "unbound")]
)
async def test_a_tool_choice_is_said_as_langchain_says_it(choice: str | None, bound: Any) -> None:
    model = ScriptedModel(script=[AIMessage("Hello")])
    asked = request(tools=TOOLS, **({"tool_choice": choice} if choice else {}))
    await make_relay(model).complete(asked)

    options = model._asked[0][1]
    assert options.get("tool_choice", "unbound") == bound
    assert ("tools" in options) == (choice != "none")


async def test_a_whole_answer_has_everything_that_the_model_said() -> None:
    message = AIMessage(
        "Hello",
        additional_kwargs={"reasoning_content": "Hm", "refusal": "No"},
        tool_calls=[{"name": "find", "args": {"a": 1}, "id": "c1"}],
        invalid_tool_calls=[{"name": "count", "args": "{oops", "id": "c2", "error": "e"}],
        usage_metadata=USAGE,
        response_metadata={"model_name": "x-1", "finish_reason": "stop"},
    )
    answer = await ask_both(ScriptedModel(script=[message]), request())

    assert answer["model"] == "x-1"
    assert answer["usage"] == OPENAI_USAGE
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hello",
                "reasoning_content": "Hm",
                "refusal": "No",
                "tool_calls": [
                    CALL,
                    {
                        "id": "c2",
                        "type": "function",
                        "function": {"name": "count", "arguments": "{oops"},
                    },
                ],
            },
            "finish_reason": "tool_calls",
        }
    ]


def piece(index: Any, **call: Any) -> AIMessageChunk:
    named = {"name": None, "args": None, "id": None, **call}
    return AIMessageChunk("", tool_call_chunks=[{**named, "index": index}])


@pytest.mark.parametrize("places", [(0, 1), (1, 2), (3, 7), (None, None)])
async def test_tool_calls_in_pieces_are_numbered_from_0(places: tuple[Any, Any]) -> None:
    first, second = places
    pieces = [
        AIMessageChunk([{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Let"}]),
        AIMessageChunk(
            "", usage_metadata={"input_tokens": 3, "output_tokens": 0, "total_tokens": 3}
        ),
        piece(first, name="find", args="", id="c1"),
        piece(first, args='{"a"'),
        piece(first, args=": 1}"),
        piece(second, name="count", args="{}", id="c2"),
        AIMessageChunk(
            "",
            usage_metadata={"input_tokens": 0, "output_tokens": 2, "total_tokens": 2},
            response_metadata={"stop_reason": "tool_use"},
        ),
    ]
    chunks = await read_stream(
        make_relay(StreamingModel(script=pieces)),
        request(),
    )
    answer = join_chunks(chunks)
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]

    assert [call["index"] for delta in deltas for call in delta.get("tool_calls", ())] == [
        0,
        0,
        0,
        1,
    ]
    assert answer["choices"][0]["message"]["tool_calls"] == [
        CALL,
        {"id": "c2", "type": "function", "function": {"name": "count", "arguments": "{}"}},
    ]
    assert answer["choices"][0]["message"]["content"] == "Let"
    assert answer["choices"][0]["message"]["reasoning_content"] == "Hm"
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert answer["usage"]["total_tokens"] == 5
    reasons = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
    assert [reason for reason in reasons if reason] == ["tool_calls"]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({}, "stop"),
        ({"stop_reason": "end_turn"}, "stop"),
        ({"finish_reason": "length"}, "length"),
        ({"stop_reason": "max_tokens"}, "length"),
        ({"finish_reason": "FinishReason.MAX_TOKENS"}, "length"),
        ({"finish_reason": "SAFETY"}, "content_filter"),
        ({"stop_reason": "refusal"}, "content_filter"),
        ({"stop_reason": "pause_turn"}, "pause_turn"),
    ],
)
async def test_a_finish_reason_is_openais_word(told: dict[str, str], reason: str) -> None:
    message = AIMessage("", response_metadata=told)
    answer = await ask_both(ScriptedModel(script=[message]), request())

    assert answer["choices"][0]["finish_reason"] == reason
    assert answer["choices"][0]["message"]["content"] is None


class RateLimitedVendorError(Exception):
    status_code = 429


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RateLimitedVendorError("sk-secret1234567"), "model_rate_limited"),
        (TimeoutError(), "model_timeout"),
        (RuntimeError("sk-secret1234567"), "model_failed"),
        (TypeError("unexpected keyword argument 'seed'"), "model_refused_request"),
        (AIMessageChunk("", response_metadata={"finish_reason": "error"}), "model_unavailable"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("before", [0, 1])
async def test_a_failure_is_translated_before_and_after_the_first_chunk(
    error: Any, code: str, before: int
) -> None:
    model = StreamingModel(script=[*[AIMessageChunk("Hel")] * before, error])
    events = make_relay(model).stream(request(seed=1))
    for _ in range(before):
        await anext(events)
    with pytest.raises(ModelError) as caught:
        await anext(events)

    assert caught.value.code == code
    assert "sk-secret" not in caught.value.message


@pytest.mark.parametrize(
    "asked",
    [
        request(n=2),
        request({"role": "poet", "content": "Hi"}),
        request(
            {
                "role": "assistant",
                "tool_calls": [{**CALL, "function": {"name": "f", "arguments": "{"}}],
            }
        ),
        request({"role": "tool", "content": "no id"}),
        request(tools=TOOLS, tool_choice={"type": "custom"}),
    ],
)
async def test_what_an_integration_cant_take_is_rejected(asked: dict[str, Any]) -> None:
    model = ScriptedModel(script=[AIMessage("Hello")])
    with pytest.raises(ModelError) as caught:
        await make_relay(model).complete(asked)

    assert caught.value.code == "model_refused_request"
    assert model._asked == []


async def test_a_pause_over_the_deadline_is_a_timeout() -> None:
    model = StreamingModel(script=[AIMessageChunk("Hel"), None])
    with pytest.raises(ModelError) as caught:
        async for _ in make_relay(model, timeout_seconds=0.05).stream(request()):
            pass

    assert caught.value.code == "model_timeout"
    assert model._gone.is_set()


async def test_until_an_answer_begins_the_requests_deadline_holds() -> None:
    model = StreamingModel(script=[None])
    relay = LangChainRelay(model, name="asked", timeout_seconds=30, guard=ProviderGuard("asked"))
    with within(0.05):
        for ask in (read_stream(relay, request()), relay.complete(request())):
            with pytest.raises(ModelOutOfTimeError):
                await ask
    assert model._gone.is_set()


async def test_an_answer_that_has_begun_goes_on_past_the_requests_deadline() -> None:
    model = StreamingModel(script=[AIMessageChunk("Hel"), AIMessageChunk("lo")])
    relay = make_relay(model, timeout_seconds=30)
    with within(5):
        events = relay.stream(request())
        first = await anext(events)
    with within(0):
        rest = [event async for event in events]
    assert b"Hel" in first
    assert b"lo" in b"".join(rest)


async def test_who_stops_reading_ends_the_models_stream() -> None:
    model = StreamingModel(script=[AIMessageChunk("Hel"), None])
    events = make_relay(model).stream(request())
    await anext(events)
    await events.aclose()
    del events

    async with asyncio.timeout(5):
        await model._gone.wait()


async def test_the_simulated_model_answers_with_its_tools() -> None:
    answer = await ask_both(
        SimulatedChatModel(), request(tools=TOOLS, tool_choice="required", seed=7, top_p=1)
    )
    [call, *_] = answer["choices"][0]["message"]["tool_calls"]

    assert call["function"]["name"] in {"find", "count"}
    assert isinstance(json.loads(call["function"]["arguments"]), dict)
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert answer["usage"]["prompt_tokens"] > 0
