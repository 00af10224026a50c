"""Tells of each call of a model: a span, figures and, where that is asked for, what was said."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context, use_span

from services.common.chat.chunks import choices_of, join_chunks
from services.common.tracing.content import describe_choices, describe_messages
from services.common.tracing.telemetry import (
    CACHED,
    INPUT,
    OUTPUT,
    REASONING,
    Telemetry,
    find_telemetry,
    make_tellable,
    name_error,
    name_prompt,
)

DETAILS_EVENT: Final = "gen_ai.client.inference.operation.details"
# By LangChain's names, where the conventions have others.
PROVIDERS: Final = {
    "azure_ai": "azure.ai.inference",
    "azure_openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "ibm": "ibm.watsonx.ai",
    "mistralai": "mistral_ai",
    "xai": "x_ai",
}
PARAMETERS: Final = {
    "frequency_penalty": "frequency_penalty",
    "max_completion_tokens": "max_tokens",
    "max_tokens": "max_tokens",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "temperature": "temperature",
    "top_p": "top_p",
}
USAGE: Final = {
    INPUT: ("prompt_tokens",),
    OUTPUT: ("completion_tokens",),
    CACHED: ("prompt_tokens_details", "cached_tokens"),
    REASONING: ("completion_tokens_details", "reasoning_tokens"),
}
# What an attribute can hold.
LARGEST: Final = 2**63 - 1
# Of a stream no more than this is kept for its span.
MOST_BYTES: Final = 1 << 20
# Other chunks of a stream say nothing that a span tells without content.
TELLING: Final = (b'_tokens"', b'"finish_reason":"', b'"finish_reason": "')
RESPONSE_MODEL: Final = "gen_ai.response.model"
OUTPUT_TYPES: Final = ("text", "json_object", "json_schema")

_asked_about: ContextVar[Mapping[str, str | int]] = ContextVar(
    "asked_about", default=MappingProxyType({})
)


@contextmanager
def asking_about(name: str, version: object = "", conversation_id: str = "") -> Iterator[None]:
    """Name the prompt, and the conversation, of the models that are called in here."""
    if find_telemetry() is None:
        yield
        return
    told = name_prompt(name, str(version))
    if conversation_id:
        told["gen_ai.conversation.id"] = make_tellable(conversation_id)
    token = _asked_about.set(told)
    try:
        yield
    finally:
        _asked_about.reset(token)


@contextmanager
def inferring(
    spec: str, request: Mapping[str, Any], base_url: str = ""
) -> Iterator["Inference | None"]:
    """Tell of a call whose answer comes whole; gives None where nothing is told."""
    telemetry = find_telemetry()
    if telemetry is None:
        yield None
        return
    inference = Inference(telemetry, spec, request, base_url)
    with inference.ending(), inference.as_current():
        yield inference


class Inference:
    """A call of a model that is under way.

    Args:
        spec: The model, as `provider:name`.
        request: The messages and parameters of the call, under OpenAI's names.
        base_url: Where its API lives; empty where that isn't known.
        is_stream: Whether the answer comes in pieces.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        spec: str,
        request: Mapping[str, Any],
        base_url: str = "",
        *,
        is_stream: bool = False,
    ) -> None:
        provider, _, model = spec.partition(":")
        self._telemetry = telemetry
        self._messages = request.get("messages")
        self._call = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": PROVIDERS.get(provider, provider),
            "gen_ai.request.model": model,
            **_name_server(base_url),
        }
        self._told: dict[str, Any] = {**self._call, **_asked_about.get(), **_parameters(request)}
        if is_stream:
            self._told["gen_ai.request.stream"] = True
        self._started = time.perf_counter()
        self._span = telemetry.tracer.start_span(
            f"chat {model}", kind=SpanKind.CLIENT, attributes=self._told
        )
        self._chunks: list[dict[str, Any]] = []
        self._room_bytes = MOST_BYTES
        self._first_chunk_seconds: float | None = None
        self._reply: Mapping[str, Any] = {}

    @contextmanager
    def as_current(self) -> Iterator[None]:
        """Have what is called in here belong to this call's span."""
        with use_span(self._span, record_exception=False, set_status_on_exception=False):
            yield

    @contextmanager
    def ending(self) -> Iterator[None]:
        """End the call where this ends."""
        try:
            yield
        except BaseException as error:
            self._end(name_error(error))
            raise
        self._end({})

    def tell_reply(self, reply: Mapping[str, Any]) -> None:
        """Tell of a whole answer, in OpenAI's shape."""
        self._reply = reply

    def tell_message(self, message: Any) -> None:
        """Tell of a whole answer that is a LangChain message."""
        usage = message.usage_metadata or {}
        metadata = message.response_metadata
        self._reply = {
            "model": metadata.get("model_name") or metadata.get("model"),
            "usage": {
                "prompt_tokens": usage.get("input_tokens"),
                "completion_tokens": usage.get("output_tokens"),
            },
            "choices": [
                {
                    "message": {"content": message.content},
                    "finish_reason": metadata.get("finish_reason") or metadata.get("stop_reason"),
                }
            ],
        }

    def tell_events(self, events: bytes) -> None:
        """Tell of what has come of a stream: whole server-sent events."""
        if self._first_chunk_seconds is None:
            self._first_chunk_seconds = time.perf_counter() - self._started
        elif not (
            (self._telemetry.keeps_content and self._room_bytes > 0)
            or any(mark in events for mark in TELLING)
        ):
            return
        for event in events.split(b"\n\n"):
            if event.startswith(b"data: {"):
                self._chunks.append(json.loads(event[6:]))
                self._room_bytes -= len(event)

    def _end(self, error: Mapping[str, str]) -> None:
        seconds = time.perf_counter() - self._started
        if self._chunks:
            self._reply = join_chunks(self._chunks)
        tokens = _read_usage(self._reply.get("usage"))
        named = _name_reply(self._reply)
        told: dict[str, Any] = {f"gen_ai.usage.{name}": count for name, count in tokens.items()}
        told |= named
        if reasons := [one.get("finish_reason") or "error" for one in choices_of(self._reply)]:
            told["gen_ai.response.finish_reasons"] = [make_tellable(str(one)) for one in reasons]
        if self._first_chunk_seconds is not None:
            told["gen_ai.response.time_to_first_chunk"] = self._first_chunk_seconds
        told |= error
        self._span.set_attributes(told)
        if self._telemetry.keeps_content:
            self._tell_content(told)
        if error:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()
        if self._telemetry.figures:
            call = self._call | {name: named[name] for name in (RESPONSE_MODEL,) if name in named}
            self._telemetry.figures.record(call, seconds, self._first_chunk_seconds, tokens, error)

    def _tell_content(self, told: Mapping[str, Any]) -> None:
        content = {"input": describe_messages(self._messages)}
        if choices := choices_of(self._reply):
            content["output"] = describe_choices(choices)
        if self._telemetry.content_on_spans:
            for name, messages in content.items():
                written = json.dumps(messages, ensure_ascii=False)
                self._span.set_attribute(f"gen_ai.{name}.messages", written)
                self._span.set_attribute(f"langfuse.observation.{name}", written)
        if self._telemetry.content_on_events and self._telemetry.logger:
            messages_by_name = {f"gen_ai.{name}.messages": said for name, said in content.items()}
            self._telemetry.logger.emit(
                timestamp=time.time_ns(),
                event_name=DETAILS_EVENT,
                severity_number=SeverityNumber.DEBUG,
                context=set_span_in_context(self._span),
                attributes={**self._told, **told, **messages_by_name},
            )


def _name_server(base_url: str) -> dict[str, str | int]:
    url = urlsplit(base_url)
    if not url.hostname:
        return {}
    port = url.port or {"http": 80}.get(url.scheme, 443)
    return {"server.address": url.hostname, "server.port": port}


def _parameters(request: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        f"gen_ai.request.{name}": value
        for given, name in PARAMETERS.items()
        if isinstance(value := request.get(given), int | float) and abs(value) <= LARGEST
    }
    form = request.get("response_format")
    kind = str(form.get("type")) if isinstance(form, Mapping) else ""
    return told | ({"gen_ai.output.type": kind.partition("_")[0]} if kind in OUTPUT_TYPES else {})


def _read_usage(usage: object) -> dict[str, int]:
    told = {}
    for name, path in USAGE.items():
        count = usage
        for key in path:
            count = count.get(key) if isinstance(count, Mapping) else None
        if isinstance(count, int) and 0 <= count <= LARGEST:
            told[name] = count
    return told


def _name_reply(reply: Mapping[str, Any]) -> dict[str, str]:
    named = {RESPONSE_MODEL: reply.get("model"), "gen_ai.response.id": reply.get("id")}
    return {
        name: make_tellable(value)
        for name, value in named.items()
        if value and isinstance(value, str)
    }
