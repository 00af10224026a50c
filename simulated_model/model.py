"""The simulated model: does what a compliant model would do with the prompt it is given."""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.tool import tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool

from simulated_model.calling.arguments import fill_schema
from simulated_model.calling.tools import choose_calls
from simulated_model.composition.answering import MODEL_NAME, answer, count_tokens

# What a stream's piece holds: a word and the blanks after it.
PIECE = re.compile(r"\s*\S+\s?|\s+")


class SimulatedChatModel(BaseChatModel):
    """A chat model that computes its answer from the messages alone, the same every time.

    All system messages together are its instructions, the last human message is the request.
    Tools, a tool choice and a response format are taken as OpenAI's API has them.
    """

    @property
    def _llm_type(self) -> str:
        return MODEL_NAME

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | Any],
        *,
        tool_choice: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools with every call."""
        offered = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=offered, tool_choice=tool_choice, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=_reply(messages, stop, kwargs))])

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return self._generate(*args, **kwargs)  # LangChain's own would take a thread

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in _in_pieces(_reply(messages, stop, kwargs)):
            yield ChatGenerationChunk(message=chunk)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages, stop, **kwargs):
            yield chunk


def _reply(
    messages: list[BaseMessage], stop: list[str] | None, options: dict[str, Any]
) -> AIMessage:
    prompt = "\n\n".join(
        str(message.text) for message in messages if isinstance(message, SystemMessage)
    )
    requests = [str(message.text) for message in messages if isinstance(message, HumanMessage)]
    request = requests[-1] if requests else ""
    calls = []
    # A tool that has answered isn't called again.
    if not (messages and isinstance(messages[-1], ToolMessage)):
        calls = choose_calls(
            prompt,
            request,
            options.get("tools") or (),
            options.get("tool_choice") or "auto",
            in_parallel=options.get("parallel_tool_calls") is not False,
        )
    text = "" if calls else _write(prompt, request, messages, options.get("response_format"))
    for sequence in stop or ():
        text = text.split(sequence, 1)[0] if sequence else text
    return _message(messages, text, [(call.name, call.arguments) for call in calls])


def _write(prompt: str, request: str, messages: list[BaseMessage], form: object) -> str:
    told = [str(message.text) for message in messages[-1:] if isinstance(message, ToolMessage)]
    text = f"Here is what I found: {told[0]}" if told else answer(prompt, request)
    wanted = form if isinstance(form, dict) else {}
    if wanted.get("type") not in ("json_object", "json_schema"):
        return text
    schema = (wanted.get("json_schema") or {}).get("schema") or {}
    return json.dumps(fill_schema(schema, told[0] if told else request, text), ensure_ascii=False)


def _message(
    messages: list[BaseMessage], text: str, calls: list[tuple[str, dict[str, Any]]]
) -> AIMessage:
    input_tokens = sum(count_tokens(str(message.text)) for message in messages)
    output_tokens = count_tokens(text + (json.dumps(calls) if calls else ""))
    return AIMessage(
        content=text,
        tool_calls=[
            tool_call(name=name, args=arguments, id=_call_id(place, name, arguments))
            for place, (name, arguments) in enumerate(calls)
        ],
        response_metadata={
            "model_name": MODEL_NAME,
            "finish_reason": "tool_calls" if calls else "stop",
        },
        usage_metadata={
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "total_tokens": input_tokens + output_tokens,
        },
    )


def _call_id(place: int, name: str, arguments: dict[str, Any]) -> str:
    digest = hashlib.sha256(f"{place} {name} {json.dumps(arguments)}".encode()).hexdigest()
    return f"call_{digest[:16]}"


def _in_pieces(message: AIMessage) -> Iterator[AIMessageChunk]:
    """Give a message as a stream has it; what is known at the end comes at the end."""
    for piece in PIECE.findall(str(message.content)):
        yield AIMessageChunk(content=piece)
    for index, call in enumerate(message.tool_calls):
        yield _call_piece(index, call["name"], call["id"], "")
        for piece in PIECE.findall(json.dumps(call["args"], ensure_ascii=False)):
            yield _call_piece(index, None, None, piece)
    yield AIMessageChunk(
        content="",
        response_metadata=message.response_metadata,
        usage_metadata=message.usage_metadata,
        chunk_position="last",
    )


def _call_piece(index: int, name: str | None, call_id: str | None, text: str) -> AIMessageChunk:
    piece = tool_call_chunk(name=name, args=text, id=call_id, index=index)
    return AIMessageChunk(content="", tool_call_chunks=[piece])
