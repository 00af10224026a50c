"""Keeps what is stored of a conversation small: long texts cut, binary parts as hash and size."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.common.chat.messages import NOT_WHOLE
from services.common.database import encode_json

# Texts are cut to the first of these lengths that makes a conversation small enough.
CUT_CHARACTERS = (65_536, 4_096, 256)
# Where parts of a message hold what is no text, and the field that holds it.
BINARY_FIELDS = {"image_url": "url", "input_audio": "data", "file": "file_data", "audio": "data"}

Content = Mapping[str, Any]


@dataclass(slots=True)
class Bounded:
    """What is stored of a conversation, as JSON.

    `missing` tells what it lacks, and is among the parameters.
    """

    messages: str = "[]"
    parameters: str = "{}"
    choices: str = "[]"
    missing: dict[str, Any] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """Its size as UTF-8."""
        return sum(len(text.encode()) for text in (self.messages, self.parameters, self.choices))


def bound(content: Content, max_bytes: int, missing: Content) -> Bounded:
    """Write a conversation in at most so many bytes, give or take what tells what is missing.

    Args:
        content: `messages`, `parameters` and `choices`.
        missing: What it lacks already.
    """
    kept = _write(content, missing)
    whole_bytes = kept.size_bytes
    if whole_bytes <= max_bytes:
        return kept
    told: dict[str, Any] = {**missing, "cut_from_bytes": whole_bytes}
    shorter: dict[str, Any] = {}
    for most_characters in CUT_CHARACTERS:
        shorter = _shorten(dict(content), most_characters)
        if shorter["choices"] != content["choices"]:
            told["cut_answer"] = True
        if (kept := _write(shorter, told)).size_bytes <= max_bytes:
            return kept
    while (count := len(shorter["messages"])) > 1:
        shorter["messages"] = shorter["messages"][count // 2 :]
        told["messages_left_out"] = len(content["messages"]) - len(shorter["messages"])
        if (kept := _write(shorter, told)).size_bytes <= max_bytes:
            return kept
    return _write(
        {"messages": [], "parameters": {}, "choices": []},
        {**told, "cut_answer": True, "messages_left_out": len(content["messages"])},
    )


def hash_binary_parts(messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Replace what is no text by its hash and size; returns how much that was, too."""
    hashed = [_hash_parts(message) for message in messages]
    return [message for message, _ in hashed], sum(count for _, count in hashed)


def _hash_parts(message: dict[str, Any]) -> tuple[dict[str, Any], int]:
    told, count = _hash_fields(message)
    content = message.get("content")
    if isinstance(content, list):
        parts = [_hash_fields(part) for part in content if isinstance(part, dict)]
        told = {**told, "content": [part for part, _ in parts]}
        count += sum(counted for _, counted in parts)
    return (told, count) if count else (message, 0)


def _hash_fields(part: dict[str, Any]) -> tuple[dict[str, Any], int]:
    for kind, name in BINARY_FIELDS.items():
        held = part.get(kind)
        data = held.get(name) if isinstance(held, dict) else None
        if (
            isinstance(held, dict)
            and isinstance(data, str)
            and (kind != "image_url" or data.startswith("data:"))
        ):
            return {**part, kind: {**held, name: _describe_binary(data)}}, 1
    return part, 0


def _describe_binary(text: str) -> str:
    """Name data by its kind, SHA-256 and size."""
    head, _, encoded = text.rpartition(",")
    try:
        data = base64.b64decode(encoded)
    except (binascii.Error, ValueError):
        data = text.encode()
    digest = hashlib.sha256(data).hexdigest()
    kind = head.removesuffix(";base64")
    return f"{kind}{';' if kind else ''}sha256={digest};bytes={len(data)}"


def _write(content: Content, missing: Content) -> Bounded:
    parameters = content["parameters"]
    return Bounded(
        messages=encode_json(content["messages"]),
        parameters=encode_json({**parameters, NOT_WHOLE: missing} if missing else parameters),
        choices=encode_json(content["choices"]),
        missing=dict(missing),
    )


def _shorten(value: Any, most_characters: int) -> Any:
    if isinstance(value, str) and len(value) > most_characters:
        return f"{value[:most_characters]}[{len(value) - most_characters} characters cut]"
    if isinstance(value, list):
        return [_shorten(item, most_characters) for item in value]
    if isinstance(value, dict):
        return {name: _shorten(item, most_characters) for name, item in value.items()}
    return value
