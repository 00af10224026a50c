"""Passes conversations on to any LangChain chat model, and its answers back in OpenAI's shape."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, convert_to_messages
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.runnables import Runnable

from services.common.errors import ModelError, ModelRejectedError, ModelTimeoutError, ServiceError
from services.common.llm.invocation import translate_vendor_error
from services.common.llm.outcome import is_failure
from services.common.llm.relay.openai_shapes import DeltaWriter, read_finish_reason, to_usage
from services.common.llm.relay.relay import DONE, to_event, to_json

# What isn't a parameter of the model, or means nothing to one that isn't OpenAI's.
NOT_PASSED_ON = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "tools", "tool_choice", "n"),
        *("parallel_tool_calls", "user", "metadata", "store", "service_tier"),
    }
)
TOOL_CHOICES = {"required": "any"}


class LangChainRelay:
    """A relay to a model.

    Args:
        model: Any chat model; how it was made says its default parameters.
        timeout_seconds: Deadline of a whole answer, and of each pause in a streamed one.
    """

    def __init__(self, model: BaseChatModel, *, timeout_seconds: float) -> None:
        self._model = model
        self._timeout_seconds = timeout_seconds

    async def complete(self, request: Mapping[str, Any]) -> bytes:
        """Return a chat completion as JSON.

        Raises:
            ModelError: If the provider fails.
        """
        chain, messages, parameters = self._prepare(request)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                message = await chain.ainvoke(messages, **parameters)
        except Exception as error:  # vendors' exceptions share no base class
            raise self._explain(error, parameters) from error
        writer = DeltaWriter()
        answer = writer.write(message)
        for call in answer.get("tool_calls", ()):
            del call["index"]
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": None, **answer},
            "finish_reason": _end(writer, _read_reason(message)),
        }
        completion = {**_envelope("chat.completion", message), "choices": [choice]}
        return to_json(completion | to_usage(message.usage_metadata))

    async def stream(self, request: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Give whole events.

        Raises:
            ModelError: If the provider fails, before the first event or after it.
        """
        chain, messages, parameters = self._prepare(request)
        writer = DeltaWriter()
        usage: UsageMetadata | None = None
        reason: str | None = None
        envelope: dict[str, Any] = {}
        try:
            async with aclosing(chain.astream(messages, **parameters)) as chunks:  # type: ignore[type-var]
                while True:
                    async with asyncio.timeout(self._timeout_seconds):
                        message = await anext(chunks, None)
                    if message is None:
                        break
                    role = {} if envelope else {"role": "assistant"}
                    envelope = envelope or _envelope("chat.completion.chunk", message)
                    reason = _read_reason(message) or reason
                    if message.usage_metadata:
                        usage = add_usage(usage, message.usage_metadata)
                    if delta := role | writer.write(message):
                        yield _to_event(envelope, delta, None)
        except Exception as error:  # vendors' exceptions share no base class
            raise self._explain(error, parameters) from error
        envelope = envelope or _envelope("chat.completion.chunk", AIMessage(""))
        last = [_to_event(envelope, {}, _end(writer, reason))]
        if usage:
            last.append(to_event({**envelope, "choices": [], **to_usage(usage)}))
        yield b"".join((*last, DONE))

    def _prepare(
        self, request: Mapping[str, Any]
    ) -> tuple[Runnable[Any, AIMessage], list[BaseMessage], dict[str, Any]]:
        """Write a request as LangChain has it: the model with its tools, messages, parameters."""
        if request.get("n") not in (None, 1):
            raise ModelRejectedError("This model gives one choice: leave out n.", param="n")
        parameters = {
            name: value
            for name, value in request.items()
            if name not in NOT_PASSED_ON and value is not None
        }
        if "max_completion_tokens" in parameters:
            parameters["max_tokens"] = parameters.pop("max_completion_tokens")
        if isinstance(parameters.get("stop"), str):
            parameters["stop"] = [parameters["stop"]]
        try:
            messages = convert_to_messages([_with_content(item) for item in request["messages"]])
        except (ValueError, TypeError, KeyError, NotImplementedError) as error:
            raise ModelRejectedError(
                "The messages can't be written for this model's integration.", param="messages"
            ) from error
        return self._bind_tools(request), messages, parameters

    def _bind_tools(self, request: Mapping[str, Any]) -> Runnable[Any, AIMessage]:
        choice = request.get("tool_choice")
        if not request.get("tools") or choice == "none":
            return self._model
        if isinstance(choice, dict):
            choice = choice.get("function", {}).get("name")
        options = {"parallel_tool_calls": request.get("parallel_tool_calls")}
        given = {name: value for name, value in options.items() if value is not None}
        try:
            return self._model.bind_tools(
                request["tools"], tool_choice=TOOL_CHOICES.get(str(choice), choice), **given
            )
        except Exception as error:  # vendors' exceptions share no base class
            raise ModelRejectedError(
                "This model's integration takes no such tools or tool_choice.", param="tools"
            ) from error

    def _explain(self, error: Exception, parameters: Mapping[str, Any]) -> ServiceError:
        """Translate what a model raises."""
        if isinstance(error, ServiceError):
            return error
        if isinstance(error, TimeoutError):
            return ModelTimeoutError(f"The model gave no answer in {self._timeout_seconds:g} s.")
        if isinstance(error, TypeError) and parameters:
            return ModelRejectedError(
                f"The model's integration doesn't take one of {', '.join(sorted(parameters))}."
            )
        return translate_vendor_error(error)


def _with_content(message: Mapping[str, Any]) -> dict[str, Any]:
    """Write absent content as LangChain has it, and leave out what a `null` stands for."""
    kept = {name: value for name, value in message.items() if value is not None}
    return {"content": "", **kept}


def _envelope(kind: str, message: AIMessage) -> dict[str, Any]:
    metadata = message.response_metadata
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": str(metadata.get("model_name") or metadata.get("model") or "unknown"),
    }


def _to_event(envelope: Mapping[str, Any], delta: dict[str, Any], reason: str | None) -> bytes:
    return to_event(
        {**envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
    )


def _end(writer: DeltaWriter, reason: str | None) -> str:
    """Return the reason of an answer's end, which vendors call `stop` after tool calls too."""
    return "tool_calls" if writer.has_calls and reason in (None, "stop") else reason or "stop"


def _read_reason(message: AIMessage) -> str | None:
    """Read why an answer ended; None while it goes on.

    Raises:
        ModelError: If it ended because the provider failed.
    """
    reason = read_finish_reason(message)
    if is_failure(reason):
        raise ModelError("The model's provider failed while it answered.")
    return reason
