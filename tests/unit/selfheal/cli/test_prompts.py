"""What a file may hold that is to serve as a prompt."""

from pathlib import Path

import pytest
from support.rows import for_each

from selfheal.cli.prompts import _read_text
from selfheal.runtime.errors import EmbeddedRuntimeError

MARK = b"\xef\xbb\xbf"


@for_each(
    [
        (b"Write code.", "Write code."),
        (MARK + b"Write code.", "Write code."),
        (MARK + b"\r\n Write code.\r\n", "Write code."),
        (b" " + "\u00e9crire".encode(), "\u00e9crire"),
    ]
)
def test_a_prompt_is_the_file_s_text_without_its_mark(
    row: tuple[bytes, str], tmp_path: Path
) -> None:
    data, text = row
    file = tmp_path / "prompt.txt"
    file.write_bytes(data)
    assert _read_text(file) == text


@for_each([MARK, MARK + b" \n", b"a\0b", b"\xff\xfea\0"])
def test_what_holds_no_text_is_refused(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_bytes(data)
    with pytest.raises(EmbeddedRuntimeError, match=r"prompt\.txt"):
        _read_text(file)
