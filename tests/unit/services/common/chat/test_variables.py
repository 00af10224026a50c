"""Tests for `variables.py`."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.common.chat.variables import fill_in, find_variables


@for_each(
    [
        ("a name", "Hello {{name}}!", {"name": "Ada"}, "Hello Ada!"),
        ("twice", "{{a}}{{a}}", {"a": "x"}, "xx"),
        ("one without a value", "{{a}} {{b}}", {"a": "x"}, "x {{b}}"),
        ("a value that looks like one", "{{a}} {{b}}", {"a": "{{b}}", "b": "y"}, "{{b}} y"),
        ("a value that would complete one", "{{{a}}}", {"a": "b", "b": "no"}, "{b}"),
        ("what is no name", "{{ a }} {{1a}} {a} {% a %}", {"a": "x"}, "{{ a }} {{1a}} {a} {% a %}"),
        ("a backslash in a value", "{{a}}", {"a": r"\g<0>\1"}, r"\g<0>\1"),
    ],
    name=lambda row: row[0],
)
def test_values_are_put_in_literally(row: tuple[Any, ...]) -> None:
    _, prompt, values, filled = row
    assert fill_in(prompt, values) == filled


@given(st.text(), st.text())
def test_no_value_is_read_as_anything_but_itself(value: str, other: str) -> None:
    assert fill_in("[{{a}}|{{b}}]", {"a": value, "b": other}) == f"[{value}|{other}]"


def test_names_are_found() -> None:
    assert find_variables("{{a}} {{ b }} {{c_1}} {{{d}}} {{}}") == {"a", "c_1", "d"}
