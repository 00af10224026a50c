"""Makes text that others wrote safe to show in a terminal: what would act is shown instead."""

import re
import unicodedata

# Complete sequences that colour or move: CSI, and OSC with its end. What has no end stays, with
# its escape character shown, so that nothing can hide the text after it.
ANSI_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9b-\x9d\n]{0,2048}(?:\x07|\x1b\\|\x9c)"
)
KEPT = frozenset("\n\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")
# Controls, formats (which turn the direction of text), surrogates, line separators.
ACTING_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
CONTROL_PICTURES = 0x2400
FIRST_VISIBLE = 0x20


def make_visible(text: str) -> str:
    r"""Remove colours and cursor movements from a text, and show its other control characters.

    ASCII's controls become their pictures (U+241B for escape), others their escapes
    ("\u202e"); tabs become spaces, and line breaks stay.
    """
    stripped = ANSI_SEQUENCE.sub("", text).replace("\r\n", "\n").expandtabs(4)
    return "".join(_show(character) for character in stripped)


def make_visible_line(text: str) -> str:
    """Make a text safe to show on one line; line breaks become spaces."""
    return " ".join(make_visible(text).split())


def _show(character: str) -> str:
    if character in KEPT or unicodedata.category(character) not in ACTING_CATEGORIES:
        return character
    code = ord(character)
    if code < FIRST_VISIBLE:
        return chr(CONTROL_PICTURES + code)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - two bytes
