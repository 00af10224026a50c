"""What is shown of text that others wrote: nothing of it acts on a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.presentation.visible_text import make_visible, make_visible_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain\ntext", "plain\ntext", id="plain"),
        pytest.param("한국어 👩\u200d💻 é", "한국어 👩\u200d💻 é", id="letters-of-the-world"),
        pytest.param("[bold]x[/bold] {y}", "[bold]x[/bold] {y}", id="markup-is-text"),
        pytest.param("\x1b[31;1mred\x1b[0m", "red", id="colour"),
        pytest.param("\x1b[2J\x1b[1;1Hfake", "fake", id="clear-and-move"),
        pytest.param("\x9b31mred", "red", id="colour-in-c1"),
        pytest.param("\x1b]0;title\x07x", "x", id="title"),
        pytest.param("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link", id="link"),
        pytest.param("\x1b]52;c;hidden text", "␛]52;c;hidden text", id="no-end-hides-nothing"),
        pytest.param("\x1b]0;a\nb\x07c", "␛]0;a\nb␇c", id="no-end-on-its-line"),
        pytest.param("a\x1b", "a␛", id="escape-at-the-end"),
        pytest.param("passed\rfailed", "passed␍failed", id="carriage-return"),
        pytest.param("a\r\nb", "a\nb", id="windows-lines"),
        pytest.param("a\x08\x08b\x00\x07", "a␈␈b␀␇", id="controls"),
        pytest.param("a\x7fb\x85c", "a\\u007fb\\u0085c", id="delete-and-c1"),
        pytest.param("a\tb", "a   b", id="tab"),
        pytest.param("\u202eevil\u2066", "\\u202eevil\\u2066", id="direction"),
        pytest.param("a\u200bb\ufeff", "a\\u200bb\\ufeff", id="unseen"),
        pytest.param("\U000e0041", "\\U000e0041", id="tag-characters"),
        pytest.param("a\u2028b", "a\\u2028b", id="line-separator"),
        pytest.param("\ud800", "\\ud800", id="lone-surrogate"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert make_visible(text) == shown


def test_a_line_is_one_line() -> None:
    assert make_visible_line(" a\n\tb\r\nc \x1b[1m") == "a b c"


@given(st.text(st.characters() | st.sampled_from("\x1b\x9b\x9d[]m;\x07\\\r\t")))
def test_no_control_is_left(text: str) -> None:
    shown = make_visible(text)
    left = {unicodedata.category(character) for character in shown if character != "\n"}
    assert not left & {"Cc", "Cs", "Zl", "Zp"}
    assert "\x1b" not in shown
    shown.encode()


@pytest.mark.parametrize("unit", ["\x1b]", "\x1b[", "\x1b[0;", "\x9d0;", "\x1b\\"])
def test_a_megabyte_of_unfinished_sequences_is_read_once(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    assert "\x1b" not in make_visible(text)
