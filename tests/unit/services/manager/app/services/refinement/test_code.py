"""What counts as code in a request."""

import pytest

from services.manager.app.services.refinement.code import split_code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no code at all", []),
        ("a ~~ b ~~~ c", []),
        ("use `x` and ``y ` z``", ["`x`", "``y ` z``"]),
        ("a ` b", []),
        ("a `b``c` ``d", ["`b``c`"]),
        ("a ``b\u2028c`` d", []),
        ("a ```b ` `` ````\nc``` d", ["```b ` `` ````\nc```"]),
        ("a ` b\nc ` d", []),
        ("```py\nx\n```", ["```py\nx\n```"]),
        ("a\n~~~\nx\n```\n~~~\nb", ["~~~\nx\n```\n~~~"]),
        ("````\n```\nx\n```\n````", ["````\n```\nx\n```\n````"]),
        ("a\n  ```\n  x\n  ```  \nb", ["  ```\n  x\n  ```"]),
        ("a\n```py\nprint('```')\n```\nb", ["```py\nprint('```')\n```"]),
        ("a\r\n```\r\nx\r\n```\r\nb `c`", ["```\r\nx\r\n```", "`c`"]),
        ("fix: ```python\nx\n``` now `y`", ["```python\nx\n```", "`y`"]),
        ("a ```x``` b", ["```x```"]),
        ("```x``` b", ["```x```"]),
    ],
)
def test_code_is_found(text: str, code: list[str]) -> None:
    pieces = split_code(text)
    assert pieces.parts[1::2] == code
    assert "".join(pieces.parts) == text
    assert not pieces.is_open


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\n```py\nx  y", "```py\nx  y"),
        ("a\n~~~\nx\n```\n", "~~~\nx\n```\n"),
        ("````\nx\n```", "````\nx\n```"),
        ("fix: ```python\nx  y", "```python\nx  y"),
        ("```\nx\n``` trailing words", "```\nx\n``` trailing words"),
    ],
)
def test_a_block_that_nothing_closes_runs_to_the_end(text: str, code: str) -> None:
    pieces = split_code(text)
    assert pieces.parts[1:] == [code, ""]
    assert pieces.is_open


def test_a_fence_may_stand_behind_what_cleaning_drops() -> None:
    assert split_code("\u200b \u00a0```\nx\n```").parts == ["", " ```\nx\n```", ""]
