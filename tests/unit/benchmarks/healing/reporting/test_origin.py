import subprocess
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.healing.reporting.origin import (
    Machine,
    Origin,
    find_commit,
    read_origin,
)

ORIGIN = Origin(
    ("selfheal", "bench", "heal", "--only", "a b"),
    "0123456789ab",
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    61.0,
    Machine(2, "a CPU", "3.11", "Linux"),
)


def test_an_origin_is_read_as_it_was_written() -> None:
    assert read_origin(ORIGIN.as_json()) == ORIGIN
    assert "commit 0123456789ab" in ORIGIN.describe()
    assert "in 1 min 1 s" in ORIGIN.describe()


def test_a_commit_says_whether_files_differ_from_it(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@localhost")
        subprocess.run(("git", *identity, *arguments), cwd=tmp_path, check=True)

    assert find_commit(tmp_path) == ""
    git("init", "--quiet")
    file = tmp_path / "file"
    file.write_text("one", encoding="utf-8")
    git("add", "file")
    git("commit", "--quiet", "--message", "one")
    clean = find_commit(tmp_path)
    assert len(clean) == 12
    file.write_text("two", encoding="utf-8")
    assert find_commit(tmp_path) == f"{clean}+"
