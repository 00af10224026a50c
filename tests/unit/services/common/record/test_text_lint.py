import pytest
from support.rows import for_each

from services.common.record.text_lint import MAX_BYTES, find_unservable

INCUMBENT = "Help {{customer}} with {{product}}."


@for_each(
    [
        ("Help {{customer}} with {{product}}, kindly.", ""),
        ("Help {{customer}}.", "it drops the variable {{product}}"),
        (INCUMBENT + " {{order}}", "it has the variable {{order}}, which no request gives"),
        (" \n", "it is blank"),
        ("a\x00b", "it has the character U+0000"),
        ("a\ud800b", "it has the character U+D800"),
        ("a\u202eb", "it has the character U+202E"),
        (INCUMBENT + "x" * MAX_BYTES, f"it is over {MAX_BYTES} bytes"),
    ]
)
def test_what_can_not_serve_is_told_by_its_reason(row: tuple[str, str]) -> None:
    content, problem = row
    found = find_unservable(content, incumbent=INCUMBENT, variables=("customer", "product"))
    assert found == problem


@pytest.mark.parametrize("content", ["Use {{braces}} as they are.", "x" * MAX_BYTES])
def test_where_no_variables_are_declared_braces_are_text(content: str) -> None:
    assert find_unservable(content, incumbent="x", variables=()) == ""
