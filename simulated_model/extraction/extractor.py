"""Takes data out of a text: from what is known of it, else from its labels and formats."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from simulated_model.extraction.requests import DataRequest
from simulated_model.words import tokenize

KNOWN_TEXTS_FILE = Path(__file__).with_name("known_texts.toml")
READ_CHARACTERS = 8_000

LABELLED_LINE = re.compile(
    r"^[ \t*-]{0,8}([^\s:：=][^\n:：=]{0,39})[:：=][ \t]{0,8}(\S[^\n]*)$", re.M
)
NUMBER = re.compile(r"-?\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,6})?|-?\d{1,15}(?:\.\d{1,6})?")
EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
PHONE = re.compile(r"\+?\d[\d -]{6,18}\d")
TIME = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)\b")
YEAR_FIRST = re.compile(
    r"\b(\d{4})[-./](\d{1,2})[-./](\d{1,2})\b|(\d{4})년\s*(\d{1,2})월\s*(\d{1,2})일"
)
YEAR_LAST = re.compile(
    r"\b(?:(\d{1,2})(?:st|nd|rd|th)?\s+([A-Za-z]{3,9})\.?|([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?)"
    r",?\s+(\d{4})\b"
)
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
YES = re.compile(r"\b(?:yes|true|available|included)\b|^(?:네|예|있음|가능)", re.I)
NO = re.compile(r"\b(?:no|not|false|none|sold out|unavailable)\b|없음|불가|아니", re.I)
CURRENCY_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "KRW": "원"}


def extract(request: DataRequest) -> dict[str, Any]:
    """Extract the wanted fields that the text states, in the schema's order.

    A field that it doesn't state is null where the schema allows that, and else left out.
    """
    text = _squeeze(request.text[:READ_CHARACTERS])
    known = next((facts for said, facts in load_known_texts() if said in text), None)
    found = known or _read_fields(request)
    data: dict[str, Any] = {}
    for name, field in request.fields.items():
        if name in found:
            data[name] = found[name]
        elif "null" in _types_of(field):
            data[name] = None
    return data


@cache
def load_known_texts() -> list[tuple[str, dict[str, Any]]]:
    """Load every text that the model knows, and the fields that each states, on the first call."""
    entries = tomllib.loads(KNOWN_TEXTS_FILE.read_text(encoding="utf-8"))["text"]
    return [(_squeeze(entry["said"]), entry["facts"]) for entry in entries]


def _squeeze(text: str) -> str:
    return " ".join(text.split())


def _read_fields(request: DataRequest) -> dict[str, Any]:
    text = request.text[:READ_CHARACTERS]
    labelled = [
        (frozenset(tokenize(label)), value.strip()) for label, value in LABELLED_LINE.findall(text)
    ]
    found: dict[str, Any] = {}
    for name, field in request.fields.items():
        words = frozenset(tokenize(name))
        # Labels that share words with the field's name, the closest first.
        near = sorted(
            (pair for pair in labelled if pair[0] & words), key=lambda pair: -len(pair[0] & words)
        )
        converted = (_convert(value, field) for _, value in near)
        stated = next((value for value in converted if value is not None), None)
        if stated is None:
            stated = spot(name, field, text)
        if stated is not None:
            found[name] = stated
    return found


def _convert(value: str, field: dict[str, Any]) -> Any:
    """Convert a labelled value as the schema wants it; None where that fails."""
    if "enum" in field:
        return _choose(field["enum"], value)
    types = _types_of(field)
    if "boolean" in types:
        return False if NO.search(value) else True if YES.search(value) else None
    if "integer" in types or "number" in types:
        return _read_number(value, is_whole="integer" in types)
    if "array" in types:
        for sign in (";", "、", " and "):
            value = value.replace(sign, ",")
        return [part.strip() for part in value.rstrip(".").split(",") if part.strip()]
    if field.get("format") == "date":
        return _read_date(value)
    return value


def spot(name: str, field: dict[str, Any], text: str) -> Any:
    """Find a value by its format, without a label."""
    if "enum" in field:
        return _choose(field["enum"], text)
    if field.get("format") == "date" or "date" in name:
        return _read_date(text)
    for word, pattern in (("mail", EMAIL), ("phone", PHONE), ("time", TIME)):
        if word in name:
            match = pattern.search(text)
            return match[0] if match else None
    return None


def _choose(choices: list[Any], text: str) -> Any:
    folded = text.casefold()
    for choice in choices:
        if isinstance(choice, str) and choice:
            sign = CURRENCY_SIGNS.get(choice, choice)
            if choice.casefold() in folded or sign in text:
                return choice
    return None


def _read_number(text: str, *, is_whole: bool) -> int | float | None:
    match = NUMBER.search(text)
    if match is None:
        return None
    number = float(match[0].replace(",", ""))
    if number.is_integer():
        return int(number)
    return None if is_whole else number


def _read_date(text: str) -> str | None:
    """Return the first date in ISO form; None where there is none."""
    if match := YEAR_FIRST.search(text):
        year, month, day = (int(part) for part in match.groups() if part)
    elif match := YEAR_LAST.search(text):
        day, year = int(match[1] or match[4]), int(match[5])
        name = (match[2] or match[3])[:3].lower()
        month = MONTHS.index(name) + 1 if name in MONTHS else 0
    else:
        return None
    return f"{year:04}-{month:02}-{day:02}" if month else None


def _types_of(field: dict[str, Any]) -> list[Any]:
    types = field.get("type", [])
    return types if isinstance(types, list) else [types]
