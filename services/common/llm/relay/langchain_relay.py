"""Passes conversations on to any LangChain chat model, and its answers back in OpenAI's shape."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_messages
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.runnables import Runnable

from services.common.chat.chunks import join_chunks
from services.common.errors import (
    ModelError,
    ModelRefusedRequestError,
    ModelTimeoutError,
    ModelUnavailableError,
    ServiceError,
)
from services.common.llm.invocation import translate_vendor_error
from services.common.llm.outcome import CUT, OWN, REASON_KEYS, WITHHELD, is_failure
from services.common.llm.relay.relay import DONE, to_event, to_json

# What isn't a parameter of the model, or means nothing to one that isn't OpenAI's.
NOT_PASSED_ON = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "tools", "tool_choice", "n"),
        *("parallel_tool_calls", "user", "metadata", "store", "service_tier"),
    }
)
# Words in vendors' finish reasons, and OpenAI's.
REASONS = {("tool", "function_call"): "tool_calls", WITHHELD: "content_filter", CUT: "length"}
REASONING_PARTS = ("reasoning", "thinking")


class LangChainRelay:
    """A relay to a model.

    Args:
        model: Any chat model; how it was made says its default parameters.
        timeout_seconds: Longest pause in an answer; one that comes whole is one pause.
    """

    def __init__(self, model: BaseChatModel, *, timeout_seconds: float) -> None:
        self._model = model
        self._timeout_seconds = timeout_seconds

    async def complete(self, request: Mapping[str, Any]) -> bytes:
        """Return a chat completion as JSON."""
        return to_json(join_chunks([chunk async for chunk in self._ask(request, in_pieces=False)]))

    async def stream(self, request: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Give whole events."""
        async with aclosing(self._ask(request, in_pieces=True)) as chunks:
            async for chunk in chunks:
                yield to_event(chunk)
        yield DONE

    async def _ask(
        self, request: Mapping[str, Any], *, in_pieces: bool
    ) -> AsyncGenerator[dict[str, Any], None]:
        model, messages, parameters = self._prepare(request)
        writer = _ChunkWriter()
        try:
            async with aclosing(_invoke(model, messages, parameters, in_pieces)) as answers:
                while True:
                    async with asyncio.timeout(self._timeout_seconds):
                        message = await anext(answers, None)
                    if message is None:
                        break
                    if (chunk := writer.write(message)) is not None:
                        yield chunk
        except ServiceError:
            raise
        except TimeoutError as error:
            raise ModelTimeoutError(
                f"The model gave no answer in {self._timeout_seconds:g} s."
            ) from error
        except Exception as error:  # vendors' exceptions share no base class
            raise _explain(error, parameters) from error
        for chunk in writer.write_end():
            yield chunk

    def _prepare(
        self, request: Mapping[str, Any]
    ) -> tuple[Runnable[Any, AIMessage], list[BaseMessage], dict[str, Any]]:
        """Write a request as LangChain has it: the model with its tools, messages, parameters."""
        if request.get("n") not in (None, 1):
            raise ModelRefusedRequestError("This model gives one choice: leave out n.", param="n")
        given = {name: value for name, value in request.items() if value is not None}
        parameters = {name: given[name] for name in given.keys() - NOT_PASSED_ON}
        if "max_completion_tokens" in given:
            parameters["max_tokens"] = parameters.pop("max_completion_tokens")
        if isinstance(stop := given.get("stop"), str):
            parameters["stop"] = [stop]
        try:
            messages = convert_to_messages(
                [
                    {"content": "", **{name: value for name, value in item.items() if value}}
                    for item in request["messages"]
                ]
            )
            return self._bind_tools(given), messages, parameters
        except Exception as error:  # what integrations refuse shares no base class
            raise ModelRefusedRequestError(
                "The model's integration doesn't take these messages or tools."
            ) from error

    def _bind_tools(self, given: Mapping[str, Any]) -> Runnable[Any, AIMessage]:
        choice = given.get("tool_choice")
        if not given.get("tools") or choice == "none":
            return self._model
        if isinstance(choice, dict):
            choice = choice["function"]["name"]
        options = {name: given[name] for name in ("parallel_tool_calls",) if name in given}
        return self._model.bind_tools(
            given["tools"], tool_choice="any" if choice == "required" else choice, **options
        )


class _ChunkWriter:
    """Writes the pieces of one answer as chunks; its tool calls are numbered from 0."""

    def __init__(self) -> None:
        self._envelope: dict[str, Any] = {}
        self._usage: UsageMetadata | None = None
        self._reason = ""
        self._numbers: dict[Any, int] = {}

    def write(self, message: AIMessage) -> dict[str, Any] | None:
        """Write a message or a piece of one; None where there is nothing to say.

        Raises:
            ModelUnavailableError: If it says that the provider failed.
        """
        # LangChain gives whole messages where a model has no streams.
        if not isinstance(message, AIMessageChunk):
            message = AIMessageChunk(**message.model_dump(exclude={"type"}))
        delta: dict[str, Any] = {} if self._envelope else {"role": "assistant"}
        metadata, more = message.response_metadata, message.additional_kwargs
        self._envelope = self._envelope or {
            "id": f"chatcmpl-{uuid4().hex}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": str(metadata.get("model_name") or metadata.get("model") or "unknown"),
        }
        self._reason = next(
            (str(metadata[k]) for k in REASON_KEYS if metadata.get(k)), self._reason
        )
        if is_failure(self._reason):
            raise ModelUnavailableError("The model's provider failed while it answered.")
        if message.usage_metadata:
            self._usage = add_usage(self._usage, message.usage_metadata)
        said = {
            "content": str(message.text),
            "reasoning_content": more.get("reasoning_content") or _read_reasoning(message.content),
            "refusal": more.get("refusal"),
            "tool_calls": [self._write_call(dict(call)) for call in message.tool_call_chunks],
        }
        delta |= {name: value for name, value in said.items() if value}
        return self._to_chunk(delta, None) if delta else None

    def write_end(self) -> list[dict[str, Any]]:
        """Write why the answer ended, and what it cost where that is known."""
        reason = _translate_reason(self._reason)
        # Vendors say that they stop after tool calls too.
        last = self._to_chunk({}, "tool_calls" if self._numbers and reason == "stop" else reason)
        return [last, *([{**last, "choices": [], **_to_usage(self._usage)}] if self._usage else [])]

    def _to_chunk(self, delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {**self._envelope, "choices": [choice]}

    def _write_call(self, call: dict[str, Any]) -> dict[str, Any]:
        """Write a piece of a call; vendors number calls by whatever else the answer holds."""
        key = call["index"]
        if key is None:
            key = call["id"] or next(reversed(self._numbers), None)
        is_first = key not in self._numbers
        number = self._numbers.setdefault(key, len(self._numbers))
        head = {"id": call["id"], "type": "function"} if is_first else {}
        name = {"name": call["name"] or ""} if is_first else {}
        return {"index": number, **head, "function": {**name, "arguments": call["args"] or ""}}


async def _invoke(
    model: Runnable[Any, AIMessage],
    messages: list[BaseMessage],
    parameters: dict[str, Any],
    in_pieces: bool,
) -> AsyncGenerator[AIMessage, None]:
    if not in_pieces:
        yield await model.ainvoke(messages, **parameters)
        return
    async for message in model.astream(messages, **parameters):
        yield message


def _explain(error: Exception, parameters: Mapping[str, Any]) -> ModelError:
    """Translate what a model raises."""
    if isinstance(error, TypeError) and parameters:
        names = ", ".join(sorted(parameters))
        return ModelRefusedRequestError(f"The model's integration doesn't take one of {names}.")
    return translate_vendor_error(error)


def _read_reasoning(content: Any) -> str:
    """Read what a model thought in parts of its answer."""
    parts = [part for part in content if isinstance(part, dict)]
    return "".join(str(part.get(kind) or "") for part in parts for kind in REASONING_PARTS)


def _translate_reason(told: str) -> str:
    """Return OpenAI's word for why an answer ended; `stop` where nothing says."""
    reason = told.lower().rpartition(".")[2].replace("-", "_")
    if not reason or reason in OWN:
        return "stop"
    found = (name for words, name in REASONS.items() if any(word in reason for word in words))
    return next(found, reason)


def _to_usage(usage: UsageMetadata) -> dict[str, Any]:
    read, written = usage.get("input_token_details", {}), usage.get("output_token_details", {})
    return {
        "usage": {
            "prompt_tokens": usage["input_tokens"],
            "completion_tokens": usage["output_tokens"],
            "total_tokens": usage["total_tokens"],
            "prompt_tokens_details": {"cached_tokens": read.get("cache_read", 0)},
            "completion_tokens_details": {"reasoning_tokens": written.get("reasoning", 0)},
        }
    }
