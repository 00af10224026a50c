"""Keeps what is stored of a conversation small: binary parts as hash and size, newest first."""

import base64
import hashlib
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from services.common.database import encode_json

# Where parts of a message hold what is no text, and the field that holds it.
BINARY_FIELDS = {"image_url": "url", "input_audio": "data", "file": "file_data", "audio": "data"}


def bound(content: Mapping[str, Any], max_bytes: int) -> dict[str, Any]:
    """Keep what fits in so many bytes: the answer, the parameters, then the newest messages.

    Args:
        content: `choices`, `parameters` and `messages`.
        max_bytes: Of all that is kept, as JSON.
    """
    room_bytes = max_bytes

    def fits(value: Any) -> bool:
        nonlocal room_bytes
        size_bytes = len(encode_json(value).encode()) + len(", ")
        if size_bytes > room_bytes:
            return False
        room_bytes -= size_bytes
        return True

    choices = content["choices"] if fits(content["choices"]) else []
    parameters = content["parameters"] if fits(content["parameters"]) else {}
    messages = content["messages"]
    if not fits(messages):
        messages = list(takewhile(fits, reversed(messages)))[::-1]
    return {"choices": choices, "parameters": parameters, "messages": messages}


def hash_binary_parts(value: Any) -> Any:
    """Copy JSON, with its hash and size in place of what is no text."""
    if isinstance(value, list):
        return [hash_binary_parts(item) for item in value]
    if not isinstance(value, dict):
        return value
    told = {name: hash_binary_parts(item) for name, item in value.items()}
    for kind in BINARY_FIELDS.keys() & told:
        held, name = told[kind], BINARY_FIELDS[kind]
        data = held.get(name) if isinstance(held, dict) else None
        if isinstance(data, str) and (kind != "image_url" or data.startswith("data:")):
            held[name] = _describe_binary(data)
    return told


def _describe_binary(text: str) -> str:
    """Name data by its kind, SHA-256 and size."""
    head, _, encoded = text.rpartition(",")
    try:
        data = base64.b64decode(encoded)
    except ValueError:
        data = text.encode()
    kind = f"{head.removesuffix(';base64')};" if head else ""
    return f"{kind}sha256={hashlib.sha256(data).hexdigest()};bytes={len(data)}"
