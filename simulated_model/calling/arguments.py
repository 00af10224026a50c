"""Finds a tool's arguments in a request, and fills in what a schema demands."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from simulated_model.extraction.extractor import EMAIL, extract, spot
from simulated_model.extraction.requests import DataRequest
from simulated_model.words import tokenize

QUOTED = re.compile(r"[\"“'‘`]([^\"”'’`\n]{1,200})[\"”'’`]")
ISO_CODE = re.compile(r"\b[A-Z]{3}\b")
IDENTIFIER = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{3,40}\b|#\d+|\b\d{3,}\b")
PLACE = re.compile(
    r"\b(?:in|at|to|from|for|of|with|about|near|by|on|named|called)\s+(?:the\s+)?"
    r"([A-Z][\w'’-]*(?:\s+(?:of\s+|de\s+)?[A-Z][\w'’-]*)*)"
)
AFTER_COLON = re.compile(r":\s+(.{2,200}?)[.!?]?\s*$", re.S)
NUMBER = re.compile(r"(?<![\w#-])-?\d+(?:\.\d+)?(?![\w-])")
OBJECT = re.compile(r"\b(?:for|about|that|saying|says?|reading)\s+(.{2,200}?)[.!?]?\s*$", re.S)
FROM = re.compile(r"\bfrom\s+([A-Z][\w'’-]*(?:\s+[A-Z][\w'’-]*)*)")
TO = re.compile(r"\b(?:to|into)\s+([A-Z][\w'’-]*(?:\s+[A-Z][\w'’-]*)*)")
IDENTIFYING = ("id", "number", "code", "key", "sku", "ticket", "order", "invoice", "tracking")
STARTING = ("from", "origin", "source", "start", "base", "departure")
ENDING = ("to", "destination", "target", "end", "arrival")


def find_arguments(schema: Mapping[str, Any], part: str, request: str) -> dict[str, Any]:
    """Find the arguments that a schema names, in the part of a request that asks for the call.

    What is demanded and isn't said there is looked for in the whole request; what isn't said at
    all stays out, and so the call shows what is missing.
    """
    fields = schema.get("properties")
    if not isinstance(fields, dict):
        return {}
    fields = {name: field for name, field in fields.items() if isinstance(field, dict)}
    demanded = schema.get("required") or []
    found: dict[str, Any] = {}
    taken: set[str] = set()
    for text in (part, request):
        said = extract(DataRequest({"properties": fields}, text))
        for name, field in fields.items():
            if found.get(name) is not None or (text is not part and name not in demanded):
                continue
            value = said.get(name)
            value = _guess(name, field, text, taken) if value is None else value
            if value is not None:
                found[name] = value
                taken.add(str(value))
    return found


def fill_schema(schema: Mapping[str, Any], text: str, answer: str) -> dict[str, Any]:
    """Write the object that a schema demands, from what a text says; `answer` is its prose."""
    fields = schema.get("properties")
    if not isinstance(fields, dict):
        return {"answer": answer}
    said = find_arguments(schema, text, text)
    demanded = set(schema.get("required") or ())
    return {
        name: said[name] if name in said else _blank(field, text, answer)
        for name, field in fields.items()
        if isinstance(field, dict) and (name in said or name in demanded)
    }


def _blank(field: Mapping[str, Any], text: str, answer: str) -> Any:
    kinds = field.get("type", "string")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "null" in kinds:
        return None
    if field.get("enum"):
        return field["enum"][0]
    if "object" in kinds:
        return fill_schema(field, text, answer)
    blanks = {"integer": 0, "number": 0, "boolean": False, "array": []}
    return next((blanks[kind] for kind in kinds if kind in blanks), answer)


def _guess(name: str, field: Mapping[str, Any], text: str, taken: set[str]) -> Any:
    """Find a value by what its name and description say that it is."""
    kind = field.get("type")
    words = tokenize(name)
    if "enum" in field:
        return None
    if kind in ("integer", "number"):
        return _next_number(text, taken, is_whole=kind == "integer")
    if kind == "array":
        return None
    if kind not in (None, "string"):
        return None
    told = {**field, "type": "string"}
    if (spotted := spot(f"{name} {field.get('description', '')}".lower(), told, text)) is not None:
        return spotted
    return next((value for value in _texts(words, text) if value not in taken), None)


def _next_number(text: str, taken: set[str], *, is_whole: bool) -> int | float | None:
    for match in NUMBER.finditer(text):
        number = json.loads(match[0].lstrip("0") or "0") if "." not in match[0] else float(match[0])
        if str(number) not in taken and (isinstance(number, int) or not is_whole):
            return number
    return None


def _texts(words: list[str], text: str) -> list[str]:
    """List texts that a name's words may mean, the likeliest first."""
    patterns = [QUOTED, AFTER_COLON, PLACE, OBJECT]
    if _is_any_of(IDENTIFYING, words):
        patterns = [IDENTIFIER, QUOTED]
    elif _is_any_of(("currency",), words):
        patterns = [ISO_CODE]
    elif _is_any_of(STARTING, words):
        patterns.insert(0, FROM)
    elif _is_any_of(ENDING, words):
        patterns[:0] = [EMAIL, TO]
    return [
        (match[1] if match.re.groups else match[0]).strip(" .!?#")
        for pattern in patterns
        for match in pattern.finditer(text)
    ]


def _is_any_of(names: Iterable[str], words: list[str]) -> bool:
    return any(tokenize(name)[0] in words for name in names)
