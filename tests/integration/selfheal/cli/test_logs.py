"""`selfheal logs`: the table, and the whole log as a file that goes on where it ended."""

import json
import os
import resource
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from selfheal.cli.logs import export

INSERT = """
    INSERT INTO execution_logs (request_id, task_type, user_input, worker_output, evaluation_detail,
        created_at)
    SELECT gen_random_uuid(), $1, E'line\\nbreak \\u2028 ' || n, NULL, '{"worker": {"model": "m"}}',
           $2::timestamptz + n * interval '1 minute'
    FROM generate_series(1, $3::int) AS n
"""
CONVERSATIONS = """
    INSERT INTO selfheal.conversations (execution_id, request_id, messages, model_asked)
    SELECT id, request_id, '[{"role": "user", "content": "a\\nb"}]', task_type
    FROM execution_logs WHERE id % 3 = 0
"""
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def test_an_export_goes_on_where_it_ended_without_doubles_or_a_torn_line(
    operator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PAGE_ROWS", 3)
    operator.sql(INSERT, "a", NOON, 20)
    operator.sql(CONVERSATIONS)
    file = tmp_path / "log.jsonl"
    done = operator.selfheal("logs", "export", "--to", str(file))
    assert done.exit_code == 0, done.output
    rows = read(file)
    assert [row["id"] for row in rows] == list(range(1, 21))
    assert [row["id"] for row in rows if row["conversation"]] == [3, 6, 9, 12, 15, 18]
    assert rows[2]["conversation"]["messages"] == [{"role": "user", "content": "a\nb"}]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    whole = file.read_bytes()
    ends = [at for at, byte in enumerate(whole) if byte == 10]
    # Cut off anywhere: in a line, at its end, before the first.
    for cut in (0, 5, ends[0], ends[0] + 1, ends[7] - 1, ends[7] + 1, len(whole) - 1, len(whole)):
        file.write_bytes(whole[:cut])
        done = operator.selfheal("logs", "export", "--to", str(file))
        assert done.exit_code == 0, done.output
        assert file.read_bytes() == whole, cut
    operator.sql(INSERT, "b", NOON, 2)
    operator.selfheal("logs", "export", "--to", str(file))
    assert [row["id"] for row in read(file)] == list(range(1, 23))


def test_what_is_meant_is_exported_alone(operator: Any, tmp_path: Path) -> None:
    operator.sql(INSERT, "a", NOON, 10)
    operator.sql(INSERT, "b", NOON, 10)
    file = tmp_path / "log.jsonl"
    times = ["--since", "2026-11-01T12:03:00", "--until", "2026-11-01T12:06:00"]
    arguments = ["logs", "export", "--to", str(file), "-t", "b", *times]
    assert operator.selfheal(*arguments).exit_code == 0
    assert [row["id"] for row in read(file)] == [13, 14, 15]
    assert all(row["task_type"] == "b" for row in read(file))
    assert operator.selfheal(*arguments).exit_code == 0
    assert len(read(file)) == 3
    empty = tmp_path / "empty.jsonl"
    done = operator.selfheal("logs", "export", "--to", str(empty), "-t", "none")
    assert done.exit_code == 0
    assert not empty.read_bytes()


@pytest.mark.parametrize(
    "content",
    ["not an export", "a\nb\n", '{"id": "x"}\n', "[1]\n", '{"precious": 1}',
     '{"id": 1, "name": "x"}', '{"id": 1}\n', '{"id": true, "task_type": "t"}\n'],
)  # fmt: skip
def test_another_file_is_left_as_it_is(operator: Any, tmp_path: Path, content: str) -> None:
    file = tmp_path / "precious.txt"
    file.write_text(content)
    done = operator.selfheal("logs", "export", "--to", str(file))
    assert done.exit_code == 1
    assert file.read_text() == content
    assert "something else than an export" in done.output


def test_a_file_that_cannot_be_written_or_is_written_already_is_refused(
    operator: Any, tmp_path: Path
) -> None:
    missing = operator.selfheal("logs", "export", "--to", str(tmp_path / "no" / "log.jsonl"))
    assert missing.exit_code == 1
    assert "Can't write" in missing.output
    assert "Name another file." in missing.output
    file = tmp_path / "log.jsonl"
    with export._open(file):
        second = operator.selfheal("logs", "export", "--to", str(file))
    assert second.exit_code == 1
    assert "another export" in second.output


def test_texts_go_into_a_file_of_this_account_alone(
    operator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.sql(INSERT, "a", NOON, 2)
    file, link = tmp_path / "open.jsonl", tmp_path / "link.jsonl"
    file.touch(0o666)
    link.symlink_to(file)
    assert operator.selfheal("logs", "export", "--to", str(link)).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(read(file)) == 2
    os.mkfifo(tmp_path / "fifo")
    for place in (tmp_path, tmp_path / "fifo", "/dev/full"):
        done = operator.selfheal("logs", "export", "--to", str(place))
        assert done.exit_code == 1
        assert "Can't write" in done.output
        assert "Name another file." in " ".join(done.output.split())
    monkeypatch.setattr(os, "geteuid", lambda: 1 + file.stat().st_uid)
    done = operator.selfheal("logs", "export", "--to", str(file))
    assert done.exit_code == 1
    assert "belongs to another account" in done.output


def test_a_full_disk_leaves_what_can_be_gone_on_with(operator: Any, tmp_path: Path) -> None:
    operator.sql(INSERT, "a", NOON, 20)
    file = tmp_path / "log.jsonl"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        done = operator.selfheal("logs", "export", "--to", str(file))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert done.exit_code == 1
    assert "it goes on where the file ends" in " ".join(done.output.split())
    assert operator.selfheal("logs", "export", "--to", str(file)).exit_code == 0
    assert [row["id"] for row in read(file)] == list(range(1, 21))


def test_where_no_system_runs_no_file_is_left(
    operator: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("SELFHEAL_HOME", str(tmp_path / "none"))
    done = operator.selfheal("logs", "export", "--to", str(tmp_path / "log.jsonl"))
    assert done.exit_code == 1
    assert not (tmp_path / "log.jsonl").exists()


@pytest.mark.parametrize("command", [["logs", "export", "--to", "x"], ["audit", "list"]])
def test_a_wrong_time_is_refused_with_one_that_is_right(operator: Any, command: list[str]) -> None:
    for wrong in ("yesterday", "2026-13-01", "0001-01-01"):
        done = operator.selfheal(*command, "--since", wrong)
        assert done.exit_code == 2
        assert "2026-01-01T08:00" in done.output


def test_an_export_of_nothing_says_so(operator: Any, tmp_path: Path) -> None:
    operator.sql(INSERT, "a", NOON, 2)
    file = tmp_path / "log.jsonl"
    turned = ["--since", "2026-05-01", "--until", "2026-01-01"]
    done = operator.selfheal("logs", "export", "--to", str(file), *turned)
    assert done.exit_code == 2
    assert "--until" in done.output
    assert not file.exists()
    done = operator.selfheal("logs", "export", "--to", str(file), "--task-type", "other")
    assert done.exit_code == 0
    assert "No request is logged that these options mean" in " ".join(done.output.split())


def test_the_table_says_what_was_removed(operator: Any) -> None:
    operator.sql(INSERT, "a", NOON, 1)
    removed = json.dumps({"removed": {"by": "BODY_RETENTION_DAYS", "at": "x"}})
    operator.sql(
        "UPDATE execution_logs SET user_input = '', evaluation_detail = $1::text::jsonb", removed
    )
    for command in (
        ["logs"],
        ["explain", operator.sql("SELECT request_id FROM execution_logs").hex],
    ):
        shown = operator.selfheal(*command)
        assert shown.exit_code == 0, shown.output
    [row] = [json.loads(line) for line in operator.selfheal("logs", "--json").stdout.splitlines()]
    assert row["evaluation_detail"]["removed"]["by"] == "BODY_RETENTION_DAYS"
