"""Cuts an answer to the length that was asked for."""

import re
from collections.abc import Sequence

from simulated_model.instructions.directives import Limit, Unit

FENCE = "```"
LINES_OF_FENCES = 2


def shorten(text: str, limits: Sequence[Limit]) -> str:
    """Cut `text` so that it exceeds no limit."""
    for limit in limits:
        text = _shorten(text, limit)
    return text


def _shorten(text: str, limit: Limit) -> str:
    if limit.unit is Unit.CHARACTERS:
        return text[: limit.count]
    if limit.unit is Unit.LINES:
        return _first_lines(text, limit.count)
    if limit.unit is Unit.SENTENCES:
        return _first(r"[^.!?]*(?:[.!?]+(?=\s|$)|$|[.!?])\s*", text, limit.count)
    return _first(r"\S+\s*", text, limit.count)


def _first(unit: str, text: str, count: int) -> str:
    """Return the first `count` matches of a pattern, with the text before them."""
    end = 0
    for index, match in enumerate(re.finditer(unit, text)):
        if index == count:
            return text[:end].rstrip()
        end = match.end()
    return text


def _first_lines(text: str, count: int) -> str:
    """Return the first lines; a block of code that is cut still gets its closing fence."""
    lines = text.split("\n")
    if len(lines) <= count:
        return text
    if text.startswith(FENCE) and count > LINES_OF_FENCES:
        return "\n".join([*lines[: count - 1], FENCE])
    return "\n".join(lines[:count])
