import os
from pathlib import Path

from services.common.private_files import write_private


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
