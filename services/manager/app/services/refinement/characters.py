"""Tidies the characters and the whitespace of prose; never handed any code.

Left alone on purpose: tabs (pasted tables), a line's indentation (unfenced code), spaces inside
quotation marks (`squeeze("a  b")` is an example, not sloppiness), variation selectors, and
the joiners that Arabic, Indic and Mongolian spelling and emoji sequences need.
"""

import re
import unicodedata

# Bodies of regular expression classes. A line ends wherever `str.splitlines` says so.
LINE_BREAKS = r"\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
EXOTIC_SPACES = r"\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
INVISIBLES = (
    r"\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f"  # control characters
    r"\xad\u034f\u200b\u2060-\u2064\ufeff"  # zero width
    r"\u061c\u200e\u200f\u202a-\u202e\u2065-\u206f"  # direction
    r"\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"  # format, tags
    r"\ud800-\udfff"  # lone surrogates
)
JOINERS = r"\u180e\u200c\u200d"
_JOINING_SCRIPTS = r"\u0600-\u10ff\u1700-\u180d\u180f-\u1cff\ua800-\uabff\ufb50-\ufdff\ufe70-\ufefc"
_JOINING_SCRIPTS += r"\U00010a00-\U00011fff\U0001e900-\U0001e95f"
_EMOJI = r"\u2190-\u2bff\U0001f000-\U0001faff"

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LINE_BREAK = re.compile(rf"\r\n|[{LINE_BREAKS}]")
_INVISIBLE = re.compile(f"[{INVISIBLES}]+")
_BETWEEN_FENCE_MARKS = re.compile(f"(?<=[`~])[{INVISIBLES}{JOINERS}]+(?=[`~])")
_JOINER = re.compile(f"[{JOINERS}]")
_STRAY_JOINER = re.compile(
    rf"(?<![{_JOINING_SCRIPTS}{_EMOJI}\ufe0f])[{JOINERS}]"
    rf"|[{JOINERS}](?![{_JOINING_SCRIPTS}{_EMOJI}])"
)
# The one character besides the backtick itself that NFC turns into a backtick, and its twin.
_GREEK_VARIA, _MODIFIER_GRAVE = "\u1fef", "\u02cb"

_UNTIDY = re.compile(rf"  |[ \t]\n|\n\n\n|[{EXOTIC_SPACES}]")
_BLANK_LINES = re.compile(r"\n{3,}")
# Groups: what keeps its spaces; runs of spaces that shrink to one.
_SPACES = re.compile(
    r"""((?<=\n)[ \t]+|"[^"\n]*"|(?<!\w)'[^'\n]*'|“[^“”\n]*”|‘[^‘’\n]*’)"""
    rf"|[ {EXOTIC_SPACES}]+"
)


def clean_characters(prose: str) -> str:
    r"""Normalise to NFC, end lines with `\n`, drop what can't be seen.

    What is dropped never lets two backticks or tildes meet: a space takes its place, or a text
    could turn into a code block by being cleaned.
    """
    if prose.isascii() and not _CONTROL.search(prose):
        return prose
    prose = _LINE_BREAK.sub("\n", prose).replace(_GREEK_VARIA, _MODIFIER_GRAVE)
    prose = _INVISIBLE.sub("", _BETWEEN_FENCE_MARKS.sub(" ", prose))
    prose = unicodedata.normalize("NFC", prose)
    if _JOINER.search(prose):
        prose = unicodedata.normalize("NFC", _STRAY_JOINER.sub("", prose))
    return prose


def collapse_whitespace(prose: str) -> str:
    """Shrink runs of spaces to one and of blank lines to one; drop spaces at the ends of lines."""
    if not _UNTIDY.search(prose):
        return prose
    *lines, unfinished = prose.split("\n")
    prose = "\n".join([*(line.rstrip() for line in lines), unfinished])
    return _SPACES.sub(lambda run: run[1] or " ", _BLANK_LINES.sub("\n\n", prose))
