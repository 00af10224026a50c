"""Makes texts that PostgreSQL, JSON and UTF-8 can all hold."""

import hashlib
import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def make_storable(value: Any) -> Any:
    """Replace NUL and lone surrogates by U+FFFD: in a text, or in all texts of a JSON value."""
    match value:
        case str():
            return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
        case list() | tuple():
            return [make_storable(item) for item in value]
        case dict():
            return {make_storable(key): make_storable(item) for key, item in value.items()}
        case _:
            return value


def digest_text(text: str) -> str:
    """Return a text's SHA-256, in 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def make_printable_line(text: str) -> str:
    """Put a text on one line, without what can't be seen."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())
