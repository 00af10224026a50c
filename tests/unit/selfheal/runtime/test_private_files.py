import os
from pathlib import Path

from selfheal.runtime.private_files import read_or_create_secret, read_secret, write_private


def test_a_secret_is_generated_once(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    assert read_secret(path) is None
    secret = read_or_create_secret(path)
    assert read_or_create_secret(path) == read_secret(path) == secret
    assert len(secret) >= 40
    assert secret.replace("-", "").replace("_", "").isalnum()


def test_a_written_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "file", "text")
        write_private(tmp_path / "file", "other")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "file").read_text() == "other"
    assert os.listdir(tmp_path) == ["file"]
