import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.runtime.postmaster import LockFile, parse_lock_file

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
    ],
)
def test_parse_lock_file(text: str, expected: LockFile | None) -> None:
    assert parse_lock_file(text) == expected


@given(st.text())
def test_parse_lock_file_takes_any_text(text: str) -> None:
    lock = parse_lock_file(text)
    assert lock is None or lock.process_id > 0
