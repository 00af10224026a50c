"""Writes messages as the GenAI conventions have them, without secrets and binary parts. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.common.access.keys import mask_keys
from services.common.secret_masking import mask_secrets
from services.common.text import make_storable

ROLES = {"human": "user", "ai": "assistant"}
TEXT_TYPES = (None, "text", "output_text")


def describe_messages(messages: object) -> list[dict[str, Any]]:
    """Write messages in OpenAI's shape, or LangChain's; what is no message is left out."""
    items = messages if isinstance(messages, list) else []
    return [_describe(found) for item in items if (found := _read(item))]


def describe_choices(choices: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write the choices of a completion, each as one message."""
    return [
        _describe({"role": "assistant", **(_read(choice.get("message")) or {})})
        | {"finish_reason": str(choice.get("finish_reason") or "error")}
        for choice in choices
    ]


def mask(text: object) -> str:
    """Write a text that can be sent, without what looks like a secret."""
    return mask_secrets(mask_keys(make_storable(str(text))))


def _read(message: Any) -> Mapping[str, Any] | None:
    if isinstance(message, Mapping):
        return message
    kind = getattr(message, "type", None)
    return {"role": ROLES.get(kind, kind), "content": message.content} if kind else None


def _describe(message: Mapping[str, Any]) -> dict[str, Any]:
    role = mask(message.get("role", ""))
    content = message.get("content")
    parts = [_describe_part(part) for part in (content if isinstance(content, list) else [content])]
    told = [part for part in parts if part]
    if role == "tool":
        said = "".join(part.get("content", "") for part in told)
        told = [{"type": "tool_call_response", "response": said}]
        if call_id := message.get("tool_call_id"):
            told[0]["id"] = mask(call_id)
    if reasoning := message.get("reasoning_content"):
        told.insert(0, {"type": "reasoning", "content": mask(reasoning)})
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            named = {name: mask(function.get(name, "")) for name in ("name", "arguments")}
            told.append({"type": "tool_call", "id": mask(call.get("id", "")), **named})
    return {"role": role, "parts": told}


def _describe_part(part: Any) -> dict[str, Any]:
    """Write a part: of what is no text, such as an image, only its kind."""
    if isinstance(part, Mapping):
        if part.get("type") not in TEXT_TYPES:
            return {"type": mask(part["type"])}
        part = part.get("text")
    return {"type": "text", "content": mask(part)} if part else {}
