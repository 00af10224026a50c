"""Writes messages as the GenAI conventions have them, without secrets and binary parts. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from services.common.access.keys import mask_keys
from services.common.chat.messages import read_text
from services.common.secret_masking import mask_secrets
from services.common.text import make_storable

ROLES: Final = {"human": "user", "ai": "assistant"}


def describe_messages(messages: object) -> list[dict[str, Any]]:
    """Write messages in OpenAI's shape, or LangChain's; what is no message is left out."""
    told = []
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, Mapping):
            told.append(describe_message(message))
        elif kind := getattr(message, "type", None):
            told.append(
                describe_message({"role": ROLES.get(kind, kind), "content": message.content})
            )
    return told


def describe_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """Write a message in OpenAI's shape: its text, its tool calls or a tool's answer."""
    role, text = mask(message.get("role", "")), mask(read_text(message.get("content")))
    parts = [{"type": "text", "content": text}] if text else []
    if role == "tool":
        call_id = mask(message.get("tool_call_id", ""))
        parts = [{"type": "tool_call_response", "id": call_id, "response": text}]
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            named = {name: mask(function.get(name, "")) for name in ("name", "arguments")}
            parts.append({"type": "tool_call", "id": mask(call.get("id", "")), **named})
    return {"role": role, "parts": parts}


def mask(text: object) -> str:
    """Write a text that can be sent, without what looks like a secret."""
    return mask_secrets(mask_keys(make_storable(str(text))))
