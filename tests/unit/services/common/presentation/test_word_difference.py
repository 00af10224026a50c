"""The difference of two texts, word by word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.presentation.word_difference import MAX_CHARACTERS, compare_words


def show(before: str, after: str) -> str:
    signs = {"same": "{}", "removed": "[-{}]", "added": "[+{}]"}
    return "".join(signs[piece.kind].format(piece.text) for piece in compare_words(before, after))


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        pytest.param("", "", "", id="nothing"),
        pytest.param("a b", "a b", "a b", id="the-same"),
        pytest.param("Write code.", "Write Python code.", "Write[+ Python] code.", id="added"),
        pytest.param("Write code, now.", "Write code.", "Write code[-, now].", id="removed"),
        pytest.param("a b c d", "a x y d", "a [-b c][+x y] d", id="a-phrase-is-one-change"),
        pytest.param("a\nb\n", "a\nc\n", "a\n[-b\n][+c\n]", id="line-breaks-stay"),
        pytest.param("a\n", "a\nb {{name}}\n", "a\n[+b {{name}}\n]", id="variables-are-text"),
        pytest.param("코드를 쓰세요", "코드를 다 쓰세요", "코드를 [+다 ]쓰세요", id="korean"),
        pytest.param("a", "\x1b[31ma\u202e", "a[+\\u202e]", id="what-acts-is-shown"),
    ],
)
def test_the_difference(before: str, after: str, shown: str) -> None:
    assert show(before, after) == shown


TEXT = st.text(st.sampled_from("ab \n."), max_size=60)


@given(TEXT, TEXT)
def test_both_texts_can_be_read_back(before: str, after: str) -> None:
    pieces = compare_words(before, after)
    assert "".join(one.text for one in pieces if one.kind != "added") == before
    assert "".join(one.text for one in pieces if one.kind != "removed") == after


def test_long_texts_that_differ_throughout_are_one_change_and_cut() -> None:
    before, after = "a " * MAX_CHARACTERS, "b\n" * MAX_CHARACTERS
    pieces = compare_words(before, after)
    assert [piece.kind for piece in pieces] == ["removed", "added"]
    assert len(pieces[0].text) == MAX_CHARACTERS
