import os
from pathlib import Path
from unittest.mock import create_autospec

import pytest

from selfheal.runtime.errors import StorageError
from selfheal.runtime.postgres.accounts import Account
from selfheal.runtime.postgres.binaries import PostgresBinaries
from selfheal.runtime.postgres.storage import PostgresStorage

BINARIES = PostgresBinaries(Path("/nowhere"), "0.6.0")


def make_account(*, enters: bool, switch: bool = True) -> Account:
    account: Account = create_autospec(Account, instance=True)
    account.name = "postgres"
    account.switch = switch
    account.can_enter.return_value = enters  # type: ignore[attr-defined]
    account.runs.return_value = True  # type: ignore[attr-defined]
    return account


@pytest.fixture
def storage(tmp_path: Path) -> PostgresStorage:
    return PostgresStorage(tmp_path / ".selfheal", tmp_path / "var")


def test_files_lie_in_the_home_where_the_account_can_enter(storage: PostgresStorage) -> None:
    assert storage.prepare(make_account(enters=True), BINARIES) is BINARIES
    assert storage.entrance.is_dir()
    assert not storage.entrance.is_symlink()
    assert not storage.elsewhere.exists()


@pytest.mark.parametrize(("switch", "mode"), [(True, 0o711), (False, 0o700)])
def test_the_home_is_opened_no_further_than_needed(
    storage: PostgresStorage, switch: bool, mode: int
) -> None:
    storage.prepare(make_account(enters=True, switch=switch), BINARIES)
    assert storage.home.stat().st_mode & 0o777 == mode
    assert storage.entrance.stat().st_mode & 0o777 == mode


def test_files_lie_aside_where_the_account_cannot_enter(storage: PostgresStorage) -> None:
    storage.prepare(make_account(enters=False), BINARIES)
    assert storage.entrance.readlink() == storage.aside
    assert storage.aside.parent == storage.elsewhere
    assert storage.aside.stat().st_mode & 0o777 == 0o711
    storage.prepare(make_account(enters=False), BINARIES)


def test_two_homes_never_share_a_place_aside(tmp_path: Path) -> None:
    one, other = PostgresStorage(tmp_path / "a"), PostgresStorage(tmp_path / "b")
    assert one.aside != other.aside


def test_a_link_from_a_copied_home_is_refused(storage: PostgresStorage, tmp_path: Path) -> None:
    storage.prepare(make_account(enters=False), BINARIES)
    copy = PostgresStorage(tmp_path / "copy", storage.elsewhere)
    copy.home.mkdir()
    copy.entrance.symlink_to(storage.entrance.readlink())
    with pytest.raises(StorageError, match="copied or moved"):
        copy.prepare(make_account(enters=False), BINARIES)
    copy.remove()
    assert storage.aside.is_dir()


def test_a_directory_that_became_unreachable_is_refused(storage: PostgresStorage) -> None:
    storage.prepare(make_account(enters=True), BINARIES)
    with pytest.raises(StorageError, match="can't reach"):
        storage.prepare(make_account(enters=False), BINARIES)


@pytest.mark.parametrize("enters", [True, False])
def test_remove_takes_the_files_and_the_entrance(storage: PostgresStorage, enters: bool) -> None:
    storage.prepare(make_account(enters=enters), BINARIES)
    (storage.data).mkdir()
    storage.remove()
    assert os.listdir(storage.home) == []
    assert not storage.elsewhere.exists()
    storage.remove()


def test_remains_of_failed_attempts_are_removed(storage: PostgresStorage) -> None:
    account = make_account(enters=True)
    storage.prepare(account, BINARIES)
    first = storage.new_directory(account)
    (first / "half").touch()
    second = storage.new_directory(account)
    assert os.listdir(second) == []
    assert second.stat().st_mode & 0o777 == 0o700
    assert list(storage.entrance.iterdir()) == [second]


def test_a_cluster_of_another_version_is_told(storage: PostgresStorage) -> None:
    storage.data.mkdir(parents=True)
    assert not storage.holds_cluster
    version = storage.data / "PG_VERSION"
    version.write_text(f"{BINARIES.major_version}\n")
    assert storage.holds_cluster
    storage.check_version(BINARIES)
    version.write_text("9\n")
    with pytest.raises(StorageError, match="made by PostgreSQL 9"):
        storage.check_version(BINARIES)
