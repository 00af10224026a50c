from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.runtime.postgres.postmaster import LockFile, find_postmaster, parse_lock_file

COMPLETE = "5625\n/home/a b/.selfheal/postgres/data\n1795351422\n5499\n\n127.0.0.1\n  1 4\nready\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (COMPLETE, LockFile(5625, 5499)),
        ("5625\n/data\n", LockFile(5625, None)),
        ("", None),
        ("nonsense\n", None),
        ("-5625\n/data\n1\n5499\n", None),
        ("0\n", None),
        ("2147483648\n/data\n1\n5499\n", None),
    ],
)
def test_parse_lock_file(text: str, expected: LockFile | None) -> None:
    assert parse_lock_file(text) == expected


@given(st.text())
def test_parse_lock_file_takes_any_text(text: str) -> None:
    lock = parse_lock_file(text)
    assert lock is None or lock.process_id > 0


@pytest.mark.parametrize("content", [b"99999999999999999999\n", b"\xff\xfe\x81", b""])
def test_a_damaged_lock_file_belongs_to_no_server(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "postmaster.pid").write_bytes(content)
    assert find_postmaster(tmp_path) is None
