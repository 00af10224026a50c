"""Reads a request for data and its answer: the schema, the text, and the JSON."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from services.common.answers.strict_json import parse_strictly

FENCE = "```"
# Longer than any text that a request can hold, with room for what a schema asks around it.
MAX_JSON_CHARACTERS = 100_000
MAX_DEPTH = 32
MAX_VALUES = 2_000
MAX_SCHEMA_VALUES = 1_000
CACHED_READINGS = 4
SCHEMA_KEYWORDS = frozenset(
    "$schema $defs type properties items required enum anyOf oneOf allOf".split()
)
TEXT_MARKERS = ("text:", "document:", "message:", "본문:", "텍스트:", "글:", "원문:")


@dataclass(frozen=True, slots=True)
class Extraction:
    """A request for data, and the data in the answer.

    Attributes:
        schema: The schema in the request; None where it shows none.
        text: The text to take the data from: all of the request but the schema.
        value: The data; None where `problem` says why there are none.
        problem: Why the answer isn't JSON; empty where it is.
        other_characters: Characters in the answer beside the JSON and its code fence.
    """

    schema: dict[str, Any] | None
    text: str
    value: Any
    problem: str
    other_characters: int


@lru_cache(maxsize=CACHED_READINGS)
def read_extraction(user_input: str, answer: str) -> Extraction:
    """Read a request and its answer, in time linear in their length."""
    schema, text = split_request(user_input)
    block, other_characters = find_json_text(answer)
    value, problem = None, ""
    try:
        value = parse_json(block)
    except ValueError as error:
        problem = str(error)
    return Extraction(schema, text, value, problem, other_characters)


def split_request(user_input: str) -> tuple[dict[str, Any] | None, str]:
    """Split a request into the schema that it shows, if any, and the text around it."""
    parts = _split_fences(user_input)
    for index in range(1, len(parts), 2):
        schema = _read_schema(parts[index])
        if schema is not None:
            around = [part for other, part in enumerate(parts) if other != index]
            return schema, _after_marker("\n".join(around))
    start = user_input.find("{")
    if start >= 0:
        try:
            value, end = json.JSONDecoder().raw_decode(user_input, start)
        except (ValueError, RecursionError):
            return None, _after_marker(user_input)
        if _is_schema(value):
            return value, _after_marker(user_input[:start] + "\n" + user_input[end:])
    return None, _after_marker(user_input)


def find_json_text(answer: str) -> tuple[str, int]:
    """Find what should be JSON in an answer, and count the characters beside it.

    The JSON is the only block in code fences, or else the whole answer.
    """
    parts = _split_fences(answer)
    blocks = parts[1::2]
    if len(blocks) != 1:
        return answer.strip(), 0
    return blocks[0].strip(), sum(len(part.strip()) for part in parts[::2])


def parse_json(text: str) -> Any:
    """Parse an answer's JSON strictly, within bounds on its length, depth and size.

    Raises:
        ValueError: If it can't be parsed; the message says why.
    """
    if not text:
        raise ValueError("there is no JSON")
    if len(text) > MAX_JSON_CHARACTERS:
        raise ValueError(f"the answer is over {MAX_JSON_CHARACTERS} characters")
    value = parse_strictly(text, called="the answer")
    _require_bounds(value, MAX_VALUES)
    return value


def _split_fences(text: str) -> list[str]:
    """Split a text into prose, block, prose, ...: blocks in code fences have odd indexes."""
    parts: list[list[str]] = [[]]
    for line in text.split("\n"):
        is_open = len(parts) % 2 == 0
        bare = line.strip()
        if bare.startswith(FENCE) and (bare == FENCE or not is_open):
            parts.append([])
        else:
            parts[-1].append(line)
    return ["\n".join(lines) for lines in parts]


def _read_schema(block: str) -> dict[str, Any] | None:
    try:
        value = parse_strictly(block, called="the schema")
        _require_bounds(value, MAX_SCHEMA_VALUES)
    except ValueError:
        return None
    return value if _is_schema(value) else None


def _is_schema(value: object) -> bool:
    return isinstance(value, dict) and not SCHEMA_KEYWORDS.isdisjoint(value)


def _after_marker(text: str) -> str:
    """Return what follows "Text:" at the beginning of a line; without one, the whole text."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        bare = line.strip().casefold()
        marker = next((marker for marker in TEXT_MARKERS if bare.startswith(marker)), None)
        if marker:
            return "\n".join([line.strip()[len(marker) :], *lines[index + 1 :]]).strip()
    return text.strip()


def _require_bounds(value: object, most: int) -> None:
    """Refuse a value so deep or so large that checking it would take long."""
    level, count = [value], 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        if not level or count > most:
            break
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    if count > most:
        raise ValueError(f"the JSON has more than {most} values")
    if level:
        raise ValueError("the JSON is nested too deeply")
