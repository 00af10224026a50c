"""What is kept of a password, and that nothing tells a known name from an unknown one."""

from unittest.mock import patch

from argon2 import PasswordHasher, extract_parameters

from services.common.access import passwords
from services.common.access.passwords import hash_password, is_outdated, is_right_password


def test_a_password_is_right_or_wrong() -> None:
    kept = hash_password("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert kept != hash_password("correct horse battery")
    assert is_right_password(kept, "correct horse battery")
    for wrong in ("", "Correct horse battery", "correct horse battery ", "\ud800\x00"):
        assert not is_right_password(kept, wrong)
    assert is_right_password(hash_password("\ud800\x00 and more"), "\ud800\x00 and more")


def test_a_password_is_the_same_from_every_keyboard() -> None:
    assert is_right_password(hash_password("비밀번호는 é입니다"), "비밀번호는 e\u0301입니다")


def test_without_a_hash_the_same_work_is_done() -> None:
    nothing = passwords._hash_of_nothing()
    assert extract_parameters(nothing) == extract_parameters(hash_password("x"))
    with patch.object(PasswordHasher, "verify", return_value=True) as verify:
        assert not is_right_password(None, "x")
    verify.assert_called_once()
    assert not is_right_password(None, "")


def test_a_weaker_hash_is_outdated_and_what_is_no_hash_never_right() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x")
    assert is_outdated(weak)
    assert is_right_password(weak, "x")
    assert not is_outdated(hash_password("x"))
    assert not is_right_password("no hash", "x")
