"""Reads texts from the messages of a conversation. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]

TEXT_PARTS = ("text", "input_text", "output_text", "refusal")
# Who speaks for the operator, and not for the user.
SYSTEM_ROLES = ("system", "developer")


def read_text(content: object) -> str:
    """Return a message's content as text: the text itself, or its text parts, a line each."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (
        part.get(part["type"], part.get("text"))
        for part in parts
        if isinstance(part, dict) and part.get("type") in TEXT_PARTS
    )
    return "\n".join(text for text in texts if isinstance(text, str))


def read_last_user_text(messages: Sequence[Message]) -> str:
    """Return the text of the last message that a user wrote; empty where there is none."""
    users = (message for message in reversed(messages) if message.get("role") == "user")
    return next((read_text(message.get("content")) for message in users), "")


def read_answer_text(answer: Message) -> str:
    """Return what an assistant's message says: its text, its refusal, or its tool calls as JSON."""
    if text := read_text(answer.get("content")):
        return text
    if isinstance(refusal := answer.get("refusal"), str) and refusal:
        return refusal
    calls = answer.get("tool_calls")
    return json.dumps(calls, ensure_ascii=False) if calls else ""


def read_all_texts(messages: Iterable[Message]) -> list[str]:
    """List every text that users, assistants and tools wrote, calls' arguments included."""
    texts: list[str] = []
    for message in messages:
        texts.append(read_text(message.get("content")))
        for call in message.get("tool_calls") or ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                texts.append(str(function.get("arguments", "")))
    return [text for text in texts if text]
