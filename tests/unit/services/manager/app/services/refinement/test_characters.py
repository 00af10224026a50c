"""Which characters and spaces go, and which stay."""

import sys
import unicodedata

import pytest

from services.manager.app.services.refinement.characters import (
    clean_characters,
    collapse_whitespace,
)

# Format characters that are visible, or that spell a script (Arabic signs, hieroglyphs, joiners).
SPELLING = {
    *"\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd",
    *map(chr, range(0x13430, 0x13440)),
}


def test_every_control_and_format_character_is_dropped_or_ends_a_line() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) not in ("Cc", "Cf", "Cs") or character in SPELLING:
            continue
        kept = "\n" if f"a{character}b".splitlines() == ["a", "b"] else ""
        kept = "\t" if character == "\t" else kept
        assert clean_characters(f"a{character}b") == f"a{kept}b", f"U+{code:04X}"


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # family, joined
        "\u2764\ufe0f\u200d\U0001f525",  # heart on fire
        "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a non-joiner
        "\u0915\u094d\u200d\u0937",  # Devanagari half form
        "\u182a\u1820\u180e\u1820",  # Mongolian, with its vowel separator
        "\u2764\ufe0f a\u0338",
        "\u0600\u0661",
    ],
)
def test_what_spelling_and_emoji_need_stays(text: str) -> None:
    assert clean_characters(text) == text


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d", "\u180e"])
def test_a_joiner_that_joins_nothing_goes(joiner: str) -> None:
    assert clean_characters(f"py{joiner}thon \u0915{joiner} {joiner}x") == "python \u0915 x"


def test_text_is_composed_also_where_a_dropped_character_stood_between() -> None:
    assert clean_characters("cafe\u0301") == "caf\u00e9"
    assert clean_characters("e\u200b\u0301") == "\u00e9"
    assert clean_characters("e\u200d\u0301") == "\u00e9"
    assert clean_characters("\u1112\u1161\u11ab") == "한"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("`\u200b``", "` ``"),
        ("~\u200d~~", "~ ~~"),
        ("`\u1fef`", "`\u02cb`"),
        ("a\u200b`", "a`"),
    ],
)
def test_cleaning_makes_no_new_fence(text: str, cleaned: str) -> None:
    assert clean_characters(text) == cleaned


@pytest.mark.parametrize(
    ("text", "collapsed"),
    [
        ("a  b   c", "a b c"),
        ("a \t\nb", "a\nb"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("a\n \n\u3000\n\nb", "a\n\nb"),
        ("a\u00a0b\u3000 c", "a b c"),
        ("one\r", "one\r"),
    ],
)
def test_whitespace_collapses(text: str, collapsed: str) -> None:
    assert collapse_whitespace(text) == collapsed


@pytest.mark.parametrize(
    "text",
    [
        "squeeze('a  b') == 'a b'",
        'squeeze("a  b")',
        "say “a  b”",
        "a\t\tb",
        "def f(x):\n    if x:\n        return x",
        "one\n\ntwo",
    ],
)
def test_meaningful_whitespace_stays(text: str) -> None:
    assert collapse_whitespace(text) == text


def test_an_apostrophe_is_no_quotation_mark() -> None:
    assert collapse_whitespace("don't  and  won't") == "don't and won't"
