"""Reads the turns of a conversation; what is stored may lack any part."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal

from services.common.chat.messages import TEXT_PARTS
from services.common.presentation import detail_reading as reading

MAX_NOTE_CHARACTERS: Final = 200
MAX_PARTS: Final = 50


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message: a text, a call of the tool `name`, or a note on what is no text."""

    kind: Literal["text", "call", "note"]
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message, and who spoke; `of` is the call that a tool answers."""

    role: str
    parts: list[Part]
    of: str = ""


def read_turns(messages: object) -> list[Turn]:
    """Read the messages of a conversation."""
    return [
        Turn(
            reading.read_line(one, "role"),
            list(islice(_read_parts(one), MAX_PARTS)),
            reading.read_line(one, "tool_call_id"),
        )
        for one in reading.read_records({"messages": messages}, "messages")
    ]


def read_answers(choices: object) -> list[Turn]:
    """Read the messages of the choices that came back."""
    records = reading.read_records({"choices": choices}, "choices")
    return read_turns([reading.read_part(one, "message") for one in records])


def read_tools(tools: object) -> list[dict[str, str]]:
    """Read the tools that a client offered: of each the name, the description, the parameters."""
    records = reading.read_records({"tools": tools}, "tools")
    return [
        {name: reading.read_line(one, name) for name in ("name", "description")}
        | {"parameters": json.dumps(one.get("parameters"), indent=2, ensure_ascii=False)}
        for one in (reading.read_part(record, "function") for record in records)
    ]


def _read_parts(message: reading.Detail) -> Iterator[Part]:
    if isinstance(content := message.get("content"), str) and content:
        yield Part("text", content)
    for part in reading.read_list(message, "content"):
        yield _read_part(part if isinstance(part, dict) else {})
    if isinstance(refusal := message.get("refusal"), str) and refusal:
        yield Part("text", refusal)
    calls = [
        reading.read_part(one, "function") for one in reading.read_records(message, "tool_calls")
    ]
    for call in filter(None, [*calls, reading.read_part(message, "function_call")]):
        arguments: Any = call.get("arguments", "")
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        yield Part("call", text, reading.read_line(call, "name"))


def _read_part(part: reading.Detail) -> Part:
    """Read a part of a message's content: its text, or what it is and how it begins."""
    kind = reading.read_line(part, "type")
    text = part.get(kind, part.get("text"))
    if kind in TEXT_PARTS and isinstance(text, str):
        return Part("text", text)
    held = part.get(kind)
    fields = held.values() if isinstance(held, dict) else (held,)
    told = next((one for one in fields if isinstance(one, str)), "")
    return Part("note", told[:MAX_NOTE_CHARACTERS], kind or "?")
