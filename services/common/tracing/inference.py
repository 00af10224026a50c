"""Tells of each call of a model: a span, figures and, where that is asked for, what was said."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final

from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import SpanKind, set_span_in_context, use_span

from services.common.chat.chunks import choices_of, join_chunks
from services.common.chat.usage import read_count, write_usage
from services.common.tracing.content import describe_message, describe_messages
from services.common.tracing.telemetry import (
    OFF,
    USAGE,
    Telemetry,
    find_telemetry,
    make_tellable,
    name_prompt,
    tell_error,
)

# By LangChain's names, where the conventions have others.
PROVIDERS: Final = {
    "azure_ai": "azure.ai.inference", "azure_openai": "azure.ai.openai", "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock", "google_genai": "gcp.gemini", "mistralai": "mistral_ai",
    "google_vertexai": "gcp.vertex_ai", "ibm": "ibm.watsonx.ai", "xai": "x_ai",
}  # fmt: skip
PARAMETERS: Final = ("max_tokens", "seed", "temperature", "top_p")
# Of a stream no more chunks than these are kept for its span.
MOST_CHUNKS: Final = 1 << 14

_asked_about: ContextVar[Mapping[str, str | int]] = ContextVar(
    "asked_about", default=MappingProxyType({})
)


@contextmanager
def asking_about(name: str, version: object = "", conversation_id: str = "") -> Iterator[None]:
    """Name the prompt, and the conversation, of the models that are called in here."""
    told = name_prompt(name, str(version)) if find_telemetry() is not OFF else {}
    if told and conversation_id:
        told["gen_ai.conversation.id"] = make_tellable(conversation_id)
    token = _asked_about.set(told)
    try:
        yield
    finally:
        _asked_about.reset(token)


@contextmanager
def inferring(
    spec: str, request: Mapping[str, Any], *, is_stream: bool = False
) -> Iterator["Inference | None"]:
    """Tell of a call of a model; gives None where nothing is told.

    Args:
        spec: The model, as `provider:name`.
        request: The messages and parameters of the call, under OpenAI's names.
        is_stream: Whether the answer comes in pieces.
    """
    telemetry = find_telemetry()
    if telemetry is OFF:
        yield None
        return
    inference = Inference(telemetry, spec, request, is_stream=is_stream)
    error: dict[str, str] = {}
    try:
        # The span of what is called in here; a stream's can't stay that while others run.
        with nullcontext() if is_stream else belonging_to(inference):
            yield inference
    except BaseException as failure:
        error = tell_error(inference.span, failure)
        raise
    finally:
        inference.end(error)


def belonging_to(inference: "Inference | None") -> AbstractContextManager[Any]:
    """Have what is called in here belong to a call's span."""
    if inference is None:
        return nullcontext()
    return use_span(inference.span, record_exception=False, set_status_on_exception=False)


class Inference:
    """A call of a model that is under way.

    Attributes:
        reply: What was answered, in OpenAI's shape.
    """

    def __init__(
        self, telemetry: Telemetry, spec: str, request: Mapping[str, Any], *, is_stream: bool
    ) -> None:
        provider, _, model = spec.partition(":")
        self._telemetry = telemetry
        self._messages = request.get("messages")
        self.reply: Mapping[str, Any] = {}
        self._chunks: list[dict[str, Any]] = []
        self._room = MOST_CHUNKS if telemetry.content != OFF.content else 0
        self._first_chunk_seconds: float | None = None
        self._call = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": PROVIDERS.get(provider, provider),
            "gen_ai.request.model": model,
        }
        self._told: dict[str, Any] = {**self._call, **_asked_about.get()}
        self._told |= {"gen_ai.request.stream": True} if is_stream else {}
        for name in PARAMETERS:
            # What an attribute can hold.
            if isinstance(value := request.get(name), int | float) and abs(value) < 2**63:
                self._told[f"gen_ai.request.{name}"] = value
        self._started = time.perf_counter()
        self.span = telemetry.tracer.start_span(
            f"chat {model}", kind=SpanKind.CLIENT, attributes=self._told
        )

    def tell_message(self, message: Any) -> None:
        """Tell of a whole answer that is a LangChain message."""
        metadata = message.response_metadata
        reason = metadata.get("finish_reason") or metadata.get("stop_reason")
        self.reply = {
            "model": metadata.get("model_name") or metadata.get("model"),
            "usage": write_usage(message.usage_metadata),
            "choices": [{"message": {"content": message.content}, "finish_reason": reason}],
        }

    def tell_chunk(self, chunk: dict[str, Any]) -> None:
        """Tell of a piece of an answer; without content only few of them say anything."""
        if self._first_chunk_seconds is None:
            self._first_chunk_seconds = time.perf_counter() - self._started
        elif len(self._chunks) >= self._room and not (
            chunk.get("usage") or any(one.get("finish_reason") for one in choices_of(chunk))
        ):
            return
        self._chunks.append(chunk)

    def end(self, error: Mapping[str, str]) -> None:
        """End the call, with the attributes of what it failed by, if it did."""
        seconds = time.perf_counter() - self._started
        reply = join_chunks(self._chunks) if self._chunks else self.reply
        counts = {name: read_count(reply.get("usage"), path) for name, path in USAGE.items()}
        tokens = {name: count for name, count in counts.items() if count is not None}
        told: dict[str, Any] = {f"gen_ai.usage.{name}": count for name, count in tokens.items()}
        for name in ("model", "id"):
            if isinstance(value := reply.get(name), str) and value:
                told[f"gen_ai.response.{name}"] = make_tellable(value)
        if reasons := [str(one.get("finish_reason") or "error") for one in choices_of(reply)]:
            told["gen_ai.response.finish_reasons"] = [make_tellable(one) for one in reasons]
        if self._first_chunk_seconds is not None:
            told["gen_ai.response.time_to_first_chunk"] = self._first_chunk_seconds
        self.span.set_attributes(told)
        if self._telemetry.content != OFF.content:
            self._tell_content(reply, {**self._told, **told, **error})
        self.span.end()
        if figures := self._telemetry.figures:
            model = {name: told[name] for name in ("gen_ai.response.model",) if name in told}
            call = {**self._call, **model}
            figures.duration.record(seconds, {**call, **error})
            if self._first_chunk_seconds is not None:
                figures.time_to_first_chunk.record(self._first_chunk_seconds, call)
            # The conventions ask for 0 where it failed, and a modality, which no completion tells.
            for name, count in {"input_tokens": 0, "output_tokens": 0, **tokens}.items():
                figures.tokens[name].add(count, {**call, "gen_ai.token.modality": "unknown"})

    def _tell_content(self, reply: Mapping[str, Any], told: dict[str, Any]) -> None:
        content = {"input": describe_messages(self._messages)}
        if choices := choices_of(reply):
            content["output"] = [_describe_choice(choice) for choice in choices]
        if "SPAN" in self._telemetry.content:
            for name, messages in content.items():
                written = json.dumps(messages, ensure_ascii=False)
                self.span.set_attribute(f"gen_ai.{name}.messages", written)
                self.span.set_attribute(f"langfuse.observation.{name}", written)
        if "EVENT" in self._telemetry.content:
            self._telemetry.logger.emit(
                timestamp=time.time_ns(),
                event_name="gen_ai.client.inference.operation.details",
                severity_number=SeverityNumber.DEBUG,
                context=set_span_in_context(self.span),
                attributes={f"gen_ai.{name}.messages": content[name] for name in content} | told,
            )


def _describe_choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    said = choice.get("message")
    told = describe_message({"role": "assistant", **(said if isinstance(said, Mapping) else {})})
    return {**told, "finish_reason": str(choice.get("finish_reason") or "error")}
