from typing import Any

import pytest

from services.common.presentation.detail_reading import (
    read_line,
    read_list,
    read_number,
    read_part,
    read_records,
    show_line,
)


@pytest.mark.parametrize("value", [None, True, "1", [], {}, float("nan"), float("inf"), 10**400])
def test_what_is_no_finite_number_is_none(value: Any) -> None:
    assert read_number({"n": value}, "n") is None
    assert read_number({}, "n") is None


def test_a_number_is_read_as_one() -> None:
    assert read_number({"n": 3}, "n") == 3.0


@pytest.mark.parametrize("value", [None, 1, "text"])
def test_what_is_no_record_and_no_list_is_empty(value: Any) -> None:
    assert read_part({"p": value}, "p") == {}
    assert read_list({"p": value}, "p") == []
    assert read_records({"p": [value, {"a": 1}]}, "p") == [{"a": 1}]


def test_a_line_is_one_line_that_acts_on_nothing_and_is_cut() -> None:
    assert show_line("a\n\x1b[2Jb") == "a b"
    assert show_line("x" * 10_000, most=10) == "x" * 9 + "…"
    assert show_line(" \n" * 10_000 + "x", most=10).endswith("…")
    assert read_line({}, "x") == ""
    assert read_line({"x": 3}, "x") == "3"
