"""Splits an answer into prose and code, and colours the code. Nothing in it acts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from services.common.answers.markdown import find_fenced_blocks, straighten
from services.common.presentation.visible_text import make_visible

# What goes beyond is shown without colours: a lexer may take the square of a hostile text's length.
MAX_COLOURED_CHARACTERS: Final = 10_000
MAX_BLOCK_CHARACTERS: Final = {"javascript": 3_000}
MAX_LINE_CHARACTERS: Final = 300
LANGUAGES: Final = {
    **dict.fromkeys(("python", "py", "python3"), "python"),
    **dict.fromkeys(("json", "jsonc"), "json"),
    **dict.fromkeys(("javascript", "js", "typescript", "ts"), "javascript"),
    **dict.fromkeys(("bash", "sh", "shell"), "bash"),
    "sql": "sql",
}
_FORMATTER: Final = HtmlFormatter(nowrap=True)


@dataclass(frozen=True, slots=True)
class Block:
    """A part of an answer: its prose, or code that is ready to be shown."""

    text: str = ""
    code: Markup | None = None


def split_answer(text: str) -> list[Block]:
    """Split an answer at its fenced blocks; an answer that is JSON throughout is code as well."""
    if text.lstrip()[:1] in ("{", "["):
        return [Block(code=colour_code(text, "json"))]
    return list(_split(text))


def _split(text: str) -> Iterator[Block]:
    lines = straighten(text).split("\n")
    start, room = 0, MAX_COLOURED_CHARACTERS
    for block in find_fenced_blocks(text):
        if prose := "\n".join(lines[start : block.first_line]).strip("\n"):
            yield Block(prose)
        room -= len(block.text)
        yield Block(code=colour_code(block.text, (block.info or "python") if room > 0 else ""))
        start = block.end_line
    if prose := "\n".join(lines[start:]).strip("\n"):
        yield Block(prose)


def colour_code(code: str, language: str) -> Markup:
    """Escape code, and mark its parts by classes where its language is known."""
    shown = make_visible(code.strip("\n"))
    known = LANGUAGES.get(" ".join(language.split()[:1]).lower(), "")
    is_long = len(shown) > MAX_BLOCK_CHARACTERS.get(known, MAX_COLOURED_CHARACTERS)
    if not known or is_long or max(map(len, shown.split("\n"))) > MAX_LINE_CHARACTERS:
        return escape(shown)
    lexer = get_lexer_by_name(known, stripnl=False, ensurenl=False)
    return Markup(highlight(shown, lexer, _FORMATTER))  # noqa: S704 - the formatter escapes
