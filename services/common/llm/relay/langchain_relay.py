"""Passes conversations on to any LangChain chat model, and its answers back in OpenAI's shape."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Any
from uuid import uuid4

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_messages
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.runnables import Runnable

from services.common.chat.chunks import join_chunks
from services.common.chat.outcome import CUT, OWN, WITHHELD, is_failure, read_reason
from services.common.chat.usage import write_usage
from services.common.errors.model import (
    ModelError,
    ModelOutOfTimeError,
    ModelRefusedRequestError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from services.common.llm.guard import ProviderGuard
from services.common.llm.invocation import translating_vendor_errors
from services.common.llm.relay.relay import DONE, to_event, to_json
from services.common.resilience.deadline import fit
from services.common.tracing.inference import belonging_to, inferring

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

Question = tuple[Runnable[Any, AIMessage], list[BaseMessage], dict[str, Any]]


class LangChainRelay:
    """A relay to a model.

    Args:
        model: Any chat model; how it was made says its default parameters.
        name: Its name, where the pieces of a stream don't say it from the first one on.
        timeout_seconds: Longest pause in an answer; one that comes whole is one pause. The first
            pause is no longer than what the request has left.
        guard: Its provider's.
    """

    def __init__(
        self, model: BaseChatModel, *, name: str, timeout_seconds: float, guard: ProviderGuard
    ) -> None:
        self._model = model
        self._name = name
        self._guard = guard
        self._timeout_seconds = timeout_seconds

    async def complete(self, request: Mapping[str, Any]) -> bytes:
        """Return a chat completion as JSON."""
        with inferring(self._guard.name, request) as inference:
            whole = join_chunks([chunk async for chunk in self._ask(request, in_pieces=False)])
            if inference:
                inference.reply = whole
        return to_json(whole)

    async def stream(self, request: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Give whole events."""
        with inferring(self._guard.name, request, is_stream=True) as inference:
            async with aclosing(self._ask(request, in_pieces=True)) as chunks:
                # As at an endpoint, the span is the current one where the call begins.
                with belonging_to(inference):
                    chunk = await anext(chunks, None)
                while chunk is not None:
                    if inference:
                        inference.tell_chunk(chunk)
                    yield to_event(chunk)
                    chunk = await anext(chunks, None)
        yield DONE

    async def _ask(
        self, request: Mapping[str, Any], *, in_pieces: bool
    ) -> AsyncGenerator[dict[str, Any], None]:
        question = self._prepare(request)
        writer = _ChunkWriter(self._name)
        seconds = fit(self._timeout_seconds)
        self._guard.admit()
        async with aclosing(_invoke(*question, in_pieces)) as answers:
            async with self._guard.watching():
                with _translating(question[2]):
                    delta = await self._take(answers, writer, seconds)
            while delta is not None:
                if delta:
                    yield writer.write(delta)
                with _translating(question[2]):
                    delta = await self._take(answers, writer, self._timeout_seconds)
        yield writer.write({}, finish_reason=writer.finish_reason)
        if writer.usage:
            yield {**writer.write({}), "choices": [], "usage": write_usage(writer.usage)}

    async def _take(
        self, answers: AsyncIterator[AIMessage], writer: "_ChunkWriter", seconds: float
    ) -> dict[str, Any] | None:
        """Read what comes next; None where everything has come."""
        try:
            async with asyncio.timeout(seconds):
                message = await anext(answers, None)
        except TimeoutError as error:
            if seconds < self._timeout_seconds:
                raise ModelOutOfTimeError from error
            raise ModelTimeoutError(
                f"The model gave no answer in {self._timeout_seconds:g} s."
            ) from error
        return None if message is None else writer.read(message)

    def _prepare(self, request: Mapping[str, Any]) -> Question:
        """Write a request as LangChain has it: the model with its tools, messages, parameters."""
        if request.get("n") not in (None, 1):
            raise ModelRefusedRequestError("This model gives one choice: leave out n.", param="n")
        given = {name: value for name, value in request.items() if value is not None}
        parameters = {name: given[name] for name in given.keys() - NOT_PASSED_ON}
        if "max_completion_tokens" in given:
            parameters["max_tokens"] = parameters.pop("max_completion_tokens")
        if isinstance(stop := given.get("stop"), str):
            parameters["stop"] = [stop]
        model: Runnable[Any, AIMessage] = self._model
        choice = given.get("tool_choice")
        try:
            messages = convert_to_messages(
                [
                    {"content": "", **{name: value for name, value in item.items() if value}}
                    for item in request["messages"]
                ]
            )
            if given.get("tools") and choice != "none":
                choice = choice["function"]["name"] if isinstance(choice, dict) else choice
                names = given.keys() & {"parallel_tool_calls"}
                model = self._model.bind_tools(
                    given["tools"],
                    tool_choice="any" if choice == "required" else choice,
                    **{name: given[name] for name in names},
                )
        except Exception as error:  # what integrations refuse shares no base class
            raise ModelRefusedRequestError(
                "The model's integration doesn't take these messages or tools."
            ) from error
        return model, messages, parameters


@contextmanager
def _translating(parameters: Mapping[str, Any]) -> Iterator[None]:
    """Turn what a vendor's client raises into a `ModelError`."""
    try:
        with translating_vendor_errors():
            yield
    except ModelError as error:
        if isinstance(error.__cause__, TypeError) and parameters:
            names = ", ".join(sorted(parameters))
            raise ModelRefusedRequestError(
                f"The model's integration doesn't take one of {names}."
            ) from error.__cause__
        raise


class _ChunkWriter:
    """Writes the pieces of one answer as chunks; its tool calls are numbered from 0."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.usage: UsageMetadata | None = None
        self._envelope: dict[str, Any] = {}
        self._reason = ""
        self._numbers: dict[Any, int] = {}

    def read(self, message: AIMessage) -> dict[str, Any]:
        """Read what a message or a piece of one says; the first says whose it is.

        Raises:
            ModelUnavailableError: If it says that the provider failed.
        """
        # LangChain gives whole messages where a model has no streams.
        if not isinstance(message, AIMessageChunk):
            message = AIMessageChunk(**message.model_dump(exclude={"type"}))
        metadata, more = message.response_metadata, message.additional_kwargs
        self._reason = read_reason(metadata) or self._reason
        if is_failure(self._reason):
            raise ModelUnavailableError("The model's provider failed while it answered.")
        if message.usage_metadata:
            self.usage = add_usage(self.usage, message.usage_metadata)
        parts = [part for part in message.content if isinstance(part, dict)]
        thoughts = "".join(str(part.get(kind) or "") for part in parts for kind in REASONING_PARTS)
        said = {
            "role": None if self._envelope else "assistant",
            "content": str(message.text),
            "reasoning_content": more.get("reasoning_content") or thoughts,
            "refusal": more.get("refusal"),
            "tool_calls": [self._number(dict(call)) for call in message.tool_call_chunks],
        }
        self._envelope = self._envelope or {
            "id": f"chatcmpl-{uuid4().hex}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": str(metadata.get("model_name") or metadata.get("model") or self._name),
        }
        return {name: value for name, value in said.items() if value}

    def write(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        """Write a chunk."""
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return {**self._envelope, "choices": [choice]}

    @property
    def finish_reason(self) -> str:
        """OpenAI's word for why the answer ended; `stop` where nothing says."""
        reason = self._reason
        if not reason or reason in OWN:
            # Vendors say that they stop after tool calls too.
            return "tool_calls" if self._numbers else "stop"
        found = (name for words, name in REASONS.items() if any(word in reason for word in words))
        return next(found, reason)

    def _number(self, call: dict[str, Any]) -> dict[str, Any]:
        """Number a piece of a call; vendors number calls by whatever else the answer holds."""
        key = call["index"]
        if key is None:
            key = call["id"] or next(reversed(self._numbers), None)
        function = {"arguments": call["args"] or ""}
        if key in self._numbers:
            return {"index": self._numbers[key], "function": function}
        number = self._numbers[key] = len(self._numbers)
        function = {"name": call["name"] or "", **function}
        return {"index": number, "id": call["id"], "type": "function", "function": function}


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
