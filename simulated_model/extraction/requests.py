"""Recognises a request for data out of a text, under a JSON schema that it shows."""

import json
import re
from dataclasses import dataclass
from typing import Any

MAX_SCHEMA_CHARACTERS = 8_000
ASKS_FOR_A_PROGRAM = re.compile(
    r"\b(?:write|create|implement|build|develop)\b[^.\n]{0,60}"
    r"\b(?:function|class|program|script|code|parser|validator)\b|함수|코드를|프로그램을",
    re.I,
)
BLOCK = re.compile(r"```[\w-]*\n([^`]*)\n```")
TEXT_MARKER = re.compile(r"^[ \t]*(?:text|message|document|본문|글|텍스트)[ \t]*:", re.I | re.M)


@dataclass(frozen=True, slots=True)
class DataRequest:
    """A request for data: the schema of each field by its name, and the text that states them."""

    fields: dict[str, dict[str, Any]]
    text: str


def read_data_request(request: str) -> DataRequest | None:
    """Read the data that a request wants; None where it wants something else."""
    if not any(word in request.lower() for word in ("json", "schema", "스키마")):
        return None
    for block in BLOCK.finditer(request):
        fields = _read_fields(block[1])
        if fields is None:
            continue
        before, after = request[: block.start()], request[block.end() :]
        text, instruction = _part(before, after)
        return None if ASKS_FOR_A_PROGRAM.search(instruction) else DataRequest(fields, text)
    return None


def _read_fields(block: str) -> dict[str, Any] | None:
    if len(block) > MAX_SCHEMA_CHARACTERS:
        return None
    try:
        fields = json.loads(block)["properties"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    if not isinstance(fields, dict) or not all(isinstance(f, dict) for f in fields.values()):
        return None
    return fields


def _part(before: str, after: str) -> tuple[str, str]:
    """Tell the text from the instruction around the schema.

    The text follows its marker, to the schema or to the end; without one it is the longer side.
    """
    for side, other in ((after, before), (before, after)):
        marker = TEXT_MARKER.search(side)
        if marker:
            return side[marker.end() :].strip(), f"{side[: marker.start()]}\n{other}"
    return (after.strip(), before) if len(after) >= len(before) else (before.strip(), after)
