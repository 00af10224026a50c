"""Writes LangChain's messages and their chunks in OpenAI's shape. Pure."""

import json
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata

from services.common.llm.outcome import CUT, OWN, REASON_KEYS, WITHHELD

REASONING_PARTS = {"reasoning": "reasoning", "thinking": "thinking"}
WORDS = {("tool", "function_call"): "tool_calls", WITHHELD: "content_filter", CUT: "length"}


class DeltaWriter:
    """Writes the pieces of one answer, which number its tool calls from 0.

    Attributes:
        has_calls: Whether there was a tool call.
    """

    def __init__(self) -> None:
        self.has_calls = False
        self._numbers: dict[Any, int] = {}

    def write(self, message: AIMessage) -> dict[str, Any]:
        """Write a message, or a chunk of one; what it hasn't is left out."""
        delta: dict[str, Any] = {}
        if text := str(message.text):
            delta["content"] = text
        if reasoning := _read_reasoning(message):
            delta["reasoning_content"] = reasoning
        if refusal := message.additional_kwargs.get("refusal"):
            delta["refusal"] = refusal
        if calls := self._write_calls(message):
            self.has_calls = True
            delta["tool_calls"] = calls
        return delta

    def _write_calls(self, message: AIMessage) -> list[dict[str, Any]]:
        if isinstance(message, AIMessageChunk):
            return [self._write_piece(dict(piece)) for piece in message.tool_call_chunks]
        calls = [
            {**call, "args": json.dumps(call["args"], ensure_ascii=False)}
            for call in message.tool_calls
        ]
        calls += [dict(call) for call in message.invalid_tool_calls]
        return [self._write_piece({**call, "index": i}) for i, call in enumerate(calls)]

    def _write_piece(self, piece: dict[str, Any]) -> dict[str, Any]:
        """Write a piece of a call; vendors number them by what else the answer holds."""
        key = piece.get("index")
        if key is None:
            key = piece.get("id") or (next(reversed(self._numbers), None))
        is_first = key not in self._numbers
        number = self._numbers.setdefault(key, len(self._numbers))
        function = {"arguments": piece.get("args") or ""}
        if not is_first:
            return {"index": number, "function": function}
        return {
            "index": number,
            "id": piece.get("id"),
            "type": "function",
            "function": {"name": piece.get("name") or "", **function},
        }


def _read_reasoning(message: AIMessage) -> str:
    """Read what a model thought: beside its answer, or in parts of it."""
    if beside := message.additional_kwargs.get("reasoning_content"):
        return str(beside)
    parts = message.content if isinstance(message.content, list) else ()
    return "".join(
        str(part.get(REASONING_PARTS[part["type"]]) or "")
        for part in parts
        if isinstance(part, dict) and part.get("type") in REASONING_PARTS
    )


def read_finish_reason(message: AIMessage) -> str | None:
    """Read why an answer ended, in OpenAI's words; None where it doesn't say."""
    metadata = message.response_metadata
    told = next((metadata[key] for key in REASON_KEYS if metadata.get(key)), None)
    if told is None:
        return None
    reason = str(told).lower().rpartition(".")[2].replace("-", "_")
    if reason in OWN:
        return "stop"
    for words, name in WORDS.items():
        if any(word in reason for word in words):
            return name
    return reason


def to_usage(usage: UsageMetadata | None) -> dict[str, Any]:
    """Write what an answer cost, under `usage`; nothing where that isn't known."""
    if not usage:
        return {}
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
