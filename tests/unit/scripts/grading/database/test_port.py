import pytest
from grading.database.port import literal
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "NULL"), (7, "7"), (-1, "-1"), ("plain", "E'plain'"), ("it's", "E'it''s'"),
     ("\\'; DROP TABLE prompts; --", "E'\\\\''; DROP TABLE prompts; --'")],
)  # fmt: skip
def test_a_value_is_quoted(value: str | int | None, text: str) -> None:
    assert literal(value) == text


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_no_text_ends_its_literal_early(value: str) -> None:
    """What PostgreSQL's lexer does: a doubled quote or an escaped character is one character."""
    quoted = literal(value)
    assert quoted.startswith("E'")
    read, position = "", 2
    while position < len(quoted) - 1:
        if quoted[position] in "\\'":
            assert quoted[position + 1] == quoted[position]
            position += 1
        read += quoted[position]
        position += 1
    assert (read, quoted[position]) == (value, "'")


def test_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        literal("a\0b")
