"""Reads a request for data and its answer: the schema, the text, and the JSON."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from services.common.answers.markdown import FencedBlock, find_fenced_blocks, straighten
from services.common.answers.marks import FENCE_LINE, strip_marks
from services.common.answers.reasoning import split_reasoning
from services.common.answers.strict_json import parse_strictly, strict_decoder
from services.common.task_types.conformance import MAX_SCHEMA_VALUES, require_bounds

OPENING = re.compile(r"[{\[]")
# What begins like an object with a field, or like a list of such.
DAMAGED = re.compile(r"\{\s*[\"'][^\"'\n]{0,200}[\"']\s*:|\[\s*[\[{]")
# Longer than any text that a request can hold, with room for what a schema asks around it.
MAX_JSON_CHARACTERS = 100_000
MAX_VALUES = 2_000
# Brackets in prose that open no JSON.
MAX_MISSES = 100
CACHED_READINGS = 4
SCHEMA_KEYWORDS = frozenset(
    "$schema $defs type properties items required enum anyOf oneOf allOf".split()
)
TEXT_MARKER = re.compile(r"^[^\S\n]*(?:text|document|message|본문|텍스트|글|원문):", re.I | re.M)
_DECODER = strict_decoder("the answer")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer that means to be data."""

    text: str
    is_fenced: bool = False


@dataclass(frozen=True, slots=True)
class Extraction:
    """A request for data, and the data in the answer.

    Attributes:
        schema: The schema in the request; None where it shows none.
        text: The text to take the data from: all of the request but the schema.
        value: The data; None where `problem` says why there are none.
        problem: Why the answer isn't JSON; empty where it is.
        other_characters: Letters, digits and the like beside the JSON, fences and reasoning.
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
    block, other_characters = find_json_text(answer, schema)
    value, problem = None, ""
    try:
        value = parse_json(block)
    except ValueError as error:
        problem = str(error)
    return Extraction(schema, text, value, problem, other_characters)


def split_request(user_input: str) -> tuple[dict[str, Any] | None, str]:
    """Split a request into the schema that it shows, if any, and the text around it."""
    lines = straighten(user_input).split("\n")
    for block in find_fenced_blocks(user_input):
        schema = _read_schema(block.text)
        if schema is not None:
            around = lines[: block.first_line] + lines[block.end_line :]
            return schema, _after_marker("\n".join(around))
    for piece in _scan_prose(user_input):
        if (schema := _read_schema(piece.text)) is not None:
            return schema, _after_marker(user_input.replace(piece.text, "\n", 1))
    return None, _after_marker(user_input)


def find_json_text(answer: str, schema: dict[str, Any] | None = None) -> tuple[str, int]:
    """Find what should be JSON in an answer, and count the letters and digits beside it.

    It is the whole answer where that parses. Else it is what comes last, after the reasoning, of
    the fenced blocks and the stretches of prose that hold data or mean to; a schema that is
    repeated isn't what was asked for. Reasoning, fences and end tokens count for nothing.
    """
    text = strip_marks(answer)
    if _parses(text):
        return text, 0
    text = strip_marks(split_reasoning(answer).final)
    if len(text) > MAX_JSON_CHARACTERS or _parses(text):
        return text, 0
    pieces = _find_pieces(text) or _scan_prose(text)
    for is_meant in (
        lambda piece: not _repeats_schema(piece.text, schema),
        # In prose, "[1]" is a note more often than data, and an object may be a part of the data.
        lambda piece: "{" in piece.text,
        lambda piece: piece.is_fenced or _has_what_is_required(piece.text, schema),
    ):
        pieces = list(filter(is_meant, pieces)) or pieces
    if not pieces:
        return text, 0
    found = pieces[-1].text
    # What stands around data as layout says nothing.
    whole, part = (len(re.findall(r"\w", each)) for each in (FENCE_LINE.sub("", text), found))
    return found, max(0, whole - part)


def _find_pieces(text: str) -> list[Piece]:
    """Find what means to be data, in its order, in fenced blocks and in the prose between them."""
    lines, pieces, end = straighten(text).split("\n"), list[Piece](), 0
    for block in find_fenced_blocks(text, lambda block: _parses(_read_block(block))):
        pieces += _scan_prose("\n".join(lines[end : block.first_line]))
        end = block.end_line
        held = _read_block(block)
        if held.startswith(("{", "[")) or (held and block.info[:4].casefold() == "json"):
            pieces.append(Piece(held, is_fenced=True))
    return pieces + _scan_prose("\n".join(lines[end:]))


def _read_block(block: FencedBlock) -> str:
    return block.text.strip().rstrip("`~").strip()


def _scan_prose(prose: str) -> list[Piece]:
    """Find the objects and lists in prose; one that is damaged takes all that follows it."""
    pieces: list[Piece] = []
    previous = end = misses = 0
    while misses < MAX_MISSES and (bracket := OPENING.search(prose, end)):
        start = bracket.start()
        try:
            _, end_of_value = _DECODER.raw_decode(prose, start)
        except (ValueError, RecursionError):
            if not DAMAGED.match(prose, start):
                end, misses = start + 1, misses + 1
                continue
            end_of_value = len(prose)
        # Values side by side are no JSON, and neither of them is the answer.
        is_beside = bool(pieces) and not prose[end:start].strip(" \t\r\n,;")
        if is_beside and "{" in pieces[-1].text and "{" in prose[start:end_of_value]:
            start, end_of_value = previous, len(prose)
            pieces.pop()
        pieces.append(Piece(prose[start:end_of_value]))
        previous, end = start, end_of_value
    return pieces


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
    require_bounds(value, MAX_VALUES)
    return value


def _parses(text: str) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return False
    return True


def _repeats_schema(piece: str, schema: dict[str, Any] | None) -> bool:
    repeated = _read_schema(piece)
    if repeated is None or schema is None:
        return False
    return repeated == schema or repeated.get("properties", 0) == schema.get("properties", 1)


def _has_what_is_required(piece: str, schema: dict[str, Any] | None) -> bool:
    required = (schema or {}).get("required")
    return not isinstance(required, list) or all(f'"{name}"' in piece for name in required)


def _read_schema(block: str) -> dict[str, Any] | None:
    try:
        value = parse_strictly(block, called="the schema")
        require_bounds(value, MAX_SCHEMA_VALUES)
    except ValueError:
        return None
    is_schema = isinstance(value, dict) and not SCHEMA_KEYWORDS.isdisjoint(value)
    return value if is_schema else None


def _after_marker(text: str) -> str:
    """Return what follows "Text:" at the beginning of a line; without one, the whole text."""
    marker = TEXT_MARKER.search(text)
    return text[marker.end() if marker else 0 :].strip()
