"""Writes a conversation as a judge's model reads it: the newest messages, each cut. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from services.common.chat.messages import Message, read_text
from services.common.secret_masking import mask_secrets
from services.common.text import make_storable

MAX_MESSAGE_CHARACTERS = 8_000
MAX_TOOL_CHARACTERS = 2_000
MAX_WRITTEN_CHARACTERS = 30_000
# What is read beyond a cut, so that no half of a secret stays.
LONGEST_SECRET = 4_000


def write_messages(messages: Sequence[Message]) -> str:
    """Write the last messages of a conversation, the newest last; older ones are left out."""
    written: list[str] = []
    left = MAX_WRITTEN_CHARACTERS
    for message in reversed(messages):
        text = _write_message(message)
        left -= len(text)
        if left < 0:
            written.append(f"[{len(messages) - len(written)} older messages are left out]")
            break
        written.append(text)
    return "\n\n".join(reversed(written))


def write_tools(tools: Sequence[Mapping[str, Any]]) -> str:
    """Write the tools that a model was offered, a line each."""
    lines = [_cut(json.dumps(tool, ensure_ascii=False), MAX_TOOL_CHARACTERS) for tool in tools]
    return "\n".join(lines)


def write_calls(message: Message) -> str:
    """Write the tool calls of a message as JSON; empty where it makes none."""
    calls = message.get("tool_calls")
    text = json.dumps(calls, ensure_ascii=False) if isinstance(calls, list) and calls else ""
    return str(make_storable(text))


def _write_message(message: Message) -> str:
    parts = (read_text(message.get("content")), write_calls(message))
    text = "\n".join(filter(None, parts)) or "(no text)"
    return f"{message.get('role')}: {_cut(text, MAX_MESSAGE_CHARACTERS)}"


def _cut(text: str, most: int) -> str:
    """Mask and cut a text, in this order; no schema has kept lone surrogates out of it."""
    masked = mask_secrets(text[: most + LONGEST_SECRET])
    cut = f"[cut: {len(text) - most:,} more]" if len(text) > most else ""
    return f"{make_storable(masked[:most])}{cut}"
