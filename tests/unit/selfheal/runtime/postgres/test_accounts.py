"""Which account a user id without an entry in /etc/passwd gets."""

import os
import pwd
from pathlib import Path
from unittest.mock import Mock

import pytest

from selfheal.runtime.errors import PostgresError
from selfheal.runtime.postgres.accounts import choose_account


@pytest.fixture(autouse=True)
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(os, "getegid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwuid", Mock(side_effect=KeyError))


def test_a_user_without_a_name_is_told_what_to_do_before_a_cluster_is_made(tmp_path: Path) -> None:
    with pytest.raises(PostgresError) as raised:
        choose_account(tmp_path / "data")
    assert "12345 has no entry in /etc/passwd" in raised.value.message
    assert "useradd --uid 12345" in raised.value.remedy
    assert "DATABASE_URL" in raised.value.remedy


def test_a_cluster_that_is_there_serves_a_user_without_a_name(tmp_path: Path) -> None:
    account = choose_account(tmp_path)
    assert (account.name, account.user_id, account.switch) == ("12345", 12345, False)
