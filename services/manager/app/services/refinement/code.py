"""Finds the code in a request: fenced blocks and inline spans, which refinement never touches."""

import re
from typing import NamedTuple

from services.manager.app.services.refinement.characters import (
    EXOTIC_SPACES,
    INVISIBLES,
    JOINERS,
    LINE_BREAKS,
)

# Possessive quantifiers: a run is taken whole or not at all, and time stays linear.
# A fence may stand behind characters that cleaning drops, so that cleaning makes no new fences.
_OPENING = re.compile(
    rf"(?:\A|(?<=[{LINE_BREAKS}]))(?P<indent>[ \t{EXOTIC_SPACES}{INVISIBLES}{JOINERS}]*+)"
    rf"(?P<fence>`{{3,}}+(?=[^`{LINE_BREAKS}]*+(?:[{LINE_BREAKS}]|\Z))|~{{3,}}+)"
    r"|(?P<inline>`++)"
)
_CLOSING_LINE = re.compile(
    rf"(?<=[{LINE_BREAKS}])[ \t]*+(`{{3,}}+|~{{3,}}+)(?=[ \t]*+(?:[{LINE_BREAKS}]|\Z))"
)
_RUN_OR_LINE_END = re.compile(rf"`++|[{LINE_BREAKS}]")
_NOT_INDENTATION = re.compile(r"[^ \t]+")
_FENCE_LENGTH = 3


class Pieces(NamedTuple):
    """A text cut at its code.

    Attributes:
        parts: Prose at even places, code at odd ones; first and last are prose, maybe empty.
        is_open: Whether the last code is a block that nothing closes.
    """

    parts: list[str]
    is_open: bool


def split_code(text: str) -> Pieces:
    """Cut a text at its code.

    Code is: a fenced block as in CommonMark, at any indentation; three or more backticks within
    a line, up to the next run as long, over as many lines as it takes ("Fix this: ```python");
    one or two backticks, up to as many on the same line. A block that nothing closes runs to the
    end of the text.
    """
    if "`" not in text and "~~~" not in text:
        return Pieces([text], is_open=False)
    parts: list[str] = []
    prose_start = position = 0
    while opening := _OPENING.search(text, position):
        end = _find_end(text, opening)
        if end is None and len(opening["fence"] or opening["inline"]) < _FENCE_LENGTH:
            position = opening.end()
            continue
        indent = opening["indent"] or ""
        code = text[opening.start() + len(indent) : end]
        parts += [text[prose_start : opening.start()], _NOT_INDENTATION.sub("", indent) + code]
        if end is None:
            return Pieces([*parts, ""], is_open=True)
        prose_start = position = end
    return Pieces([*parts, text[prose_start:]], is_open=False)


def _find_end(text: str, opening: re.Match[str]) -> int | None:
    """Find where the code that begins here ends; None if nothing closes it."""
    if fence := opening["fence"]:
        closings = _CLOSING_LINE.finditer(text, opening.end())
        return next((run.end(1) for run in closings if run[1].startswith(fence)), None)
    run = opening["inline"]
    for found in _RUN_OR_LINE_END.finditer(text, opening.end()):
        if found[0] == run:
            return found.end()
        if len(run) < _FENCE_LENGTH and not found[0].startswith("`"):
            return None
    return None
