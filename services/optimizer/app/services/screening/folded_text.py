"""Reads texts as a model does: look-alike letters folded, hidden characters gone, codes decoded.

For comparisons only; nothing that is shown or served goes through here.
"""

import base64
import binascii
import re
import sys
import unicodedata
from collections.abc import Iterator
from html import unescape

# How deep a code within a code is followed.
MAX_DEPTH = 2
MIN_READABLE_CHARACTERS = 4
MIN_READABLE_SHARE = 0.85

# Cyrillic, Greek, Armenian and phonetic letters, and typographers' quotes.
_LOOK_ALIKES = {
    "a": "\u0430\u1d00\u03b1\u0251\u0391\u0410",
    "b": "\u042c\u0412\u0432\u0392\u03b2\u0299\u0185",
    "c": "\u0441\u0421\u03f2\u03f9\u1d04\u04ab",
    "d": "\u0501\u1d05\u0111\u056a",
    "e": "\u0435\u0415\u0451\u03b5\u0395\u0454\u1d07\u04bd",
    "f": "\ua730\u0192\u03dd",
    "g": "\u0261\u0581\u0262\u050d",
    "h": "\u04bb\u041d\u043d\u0397\u0570\u029c",
    "i": "\u0456\u0406\u03b9\u0399\u0131\u026a\u0457\u0269",
    "j": "\u0458\u0408\u03f3\u1d0a",
    "k": "\u043a\u041a\u03ba\u039a\u1d0b\u049b",
    "l": "\u04cf\u04c0\u0142\u029f",
    "m": "\u043c\u041c\u039c\u1d0d",
    "n": "\u03b7\u039d\u0578\u0274\u043f",
    "o": "\u043e\u041e\u03bf\u039f\u0585\u1d0f\u03c3\u00f8\u04e7",
    "p": "\u0440\u0420\u03c1\u03a1\u1d18",
    "q": "\u051b\u0566\u01eb",
    "r": "\u0433\u0280\u1d26",
    "s": "\u0455\u0405\ua731\u054f",
    "t": "\u0442\u0422\u03c4\u03a4\u1d1b",
    "u": "\u03c5\u057d\u1d1c\u0446\u03bc",
    "v": "\u03bd\u0475\u1d20",
    "w": "\u051d\u03c9\u1d21\u0461\u0448",
    "x": "\u0445\u0425\u03c7\u03a7",
    "y": "\u0443\u0423\u03b3\u03a5\u04af\u028f",
    "z": "\u1d22\u0396\u0290",
    "'": "\u2019\u2018\u02bc\u2032",
    '"': "\u201c\u201d\u2033",
}
_FOLDING = {ord(alike): letter for letter, alikes in _LOOK_ALIKES.items() for alike in alikes}
# Tag characters are ASCII that no one sees and every model reads.
_TAGS = {0xE0000 + code: chr(code) for code in range(0x20, 0x7F)}
_HIDDEN_CATEGORIES = frozenset({"Cf", "Cc", "Co", "Cs", "Cn", "Mn", "Me"})

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}(?:[\r\n]+[ \t]*[A-Za-z0-9+/_-]{4,}={0,2})*")
_HEX = re.compile(r"(?:(?:\\x|0x|%)?[0-9A-Fa-f]{2}[\s,:]{0,2}){8,}")
_HEX_DIGITS = re.compile(r"(?:\\x|0x|%)?([0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"\\u\{?([0-9A-Fa-f]{4,6})\}?|\\x([0-9A-Fa-f]{2})")
_STRING_SEAM = re.compile(r"[\"']\s*+(?:[+\\]\s*+)?[\"']")
_SPACE = re.compile(r"\s+")


def fold(text: str, *, hidden: str = "") -> str:
    """Fold a text to plain lower-case letters.

    Args:
        hidden: What takes the place of a character that can't be seen.
    """
    if text.isascii():
        return text.lower()
    return fold_letters(text, hidden=hidden).casefold()


def fold_letters(text: str, *, hidden: str = "") -> str:
    """Fold a text as `fold` does, but leave its capitals."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKD", _replace(text, _TAGS))
    unseen = {ord(character): hidden for character in set(text) if _is_hidden(character)}
    return _replace(unicodedata.normalize("NFKC", _replace(text, unseen)), _FOLDING)


def _replace(text: str, table: dict[int, str]) -> str:
    """Replace as `str.translate` does, which is slow, but quickly where nothing is to replace."""
    return text if table.keys().isdisjoint(map(ord, set(text))) else text.translate(table)


def _is_hidden(character: str) -> bool:
    return character not in "\n\r\t" and unicodedata.category(character) in _HIDDEN_CATEGORIES


def decode_parts(text: str) -> Iterator[str]:
    """Decode what base64, hexadecimal, escapes and HTML entities in a text say, if readable.

    Strings that code joins (`"aWdu" + "b3Jl"`) are read as one; codes within codes, twice.
    """
    seen: dict[str, None] = {}
    outer = [text]
    for _ in range(MAX_DEPTH):
        inner = {part: None for whole in outer for part in _decode_once(whole)}
        outer = [part for part in inner if part not in seen]
        seen |= inner
    yield from seen


def _decode_once(text: str) -> Iterator[str]:
    joined = _STRING_SEAM.sub("", text)
    for source in (text, joined) if joined != text else (text,):
        for match in _BASE64.finditer(source):
            yield from _read_bytes(_decode_base64(match[0]))
            if "\n" in match[0]:
                for line in match[0].splitlines():
                    yield from _read_bytes(_decode_base64(line))
        for match in _HEX.finditer(source):
            yield from _read_bytes(bytes.fromhex("".join(_HEX_DIGITS.findall(match[0]))))
        if "\\" in source and (plain := _ESCAPE.sub(_read_escape, source)) != source:
            yield plain
        if "&" in source and (plain := unescape(source)) != source:
            yield plain


def _decode_base64(run: str) -> bytes:
    digits = _SPACE.sub("", run).rstrip("=").replace("-", "+").replace("_", "/").replace("=", "")
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4))
    except binascii.Error:
        return b""


def _read_bytes(data: bytes) -> Iterator[str]:
    """Read bytes as text, where they are one: mostly letters, digits, spaces and stops."""
    encoding = "utf-16-le" if data.count(0) * 3 > len(data) else "utf-8"
    text = data.decode(encoding, "replace")
    readable = sum(character.isalnum() or character in " \n.,:'\"-!" for character in text)
    if len(text) >= MIN_READABLE_CHARACTERS and readable >= MIN_READABLE_SHARE * len(text):
        yield text


def _read_escape(match: re.Match[str]) -> str:
    code = int(match[1] or match[2], 16)
    return chr(code) if code <= sys.maxunicode else ""
