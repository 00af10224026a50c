import os
from pathlib import Path

import pytest

from selfheal.runtime.logs import last_error, open_log, read_tail

DAMAGED = '{"level": "error", "event": "spool_damaged"}\n'
STARTED = '{"level": "info", "event": "service_started"}\n'
STOPPED = '{"level": "info", "event": "service_stopped"}\n'


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("", ""),
        ("just a line\n", "just a line"),
        ("ValueError: bad\nshutting down\n", "ValueError: bad"),
        ('{"level": "info", "event": "a"}\n{"level": "error", "event": "b"}\n', "b"),
        (
            '{"level": "error", "event": "failed", "error": "no route"}\n{"level": "info"}\n',
            "failed: no route",
        ),
        (
            '{"level": "error", "event": "failed", "exception": "Traceback\\nKeyError: 1"}',
            "failed: KeyError: 1",
        ),
        (
            '{"level": "error", "event": "service_not_started", "message": "Set A."}',
            "service_not_started: Set A.",
        ),
        ('{"level": "info", "event": "error_rate"}\nbye\n', "bye"),
        ('{"level": "info", "event": "request_served"}\n', ""),
        ("[1]\n{}\n{broken\n", "[1]"),
        (f"{DAMAGED}{STARTED}bye\n{STOPPED}", ""),
        (f"{DAMAGED}{STARTED}last\n", "last"),
        (f"{STARTED}{DAMAGED}", "spool_damaged"),
        ("2026 UTC [1] FATAL:  could not write\nlast\n", "2026 UTC [1] FATAL:  could not write"),
    ],
)
def test_last_error_finds_the_line_that_says_why(log: str, expected: str) -> None:
    assert last_error(log) == expected


def test_read_tail_gives_the_last_lines_only(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(b"\xff\n" + b"".join(b"line %d\n" % number for number in range(100_000)))
    assert read_tail(log, lines=2) == "line 99998\nline 99999"
    assert read_tail(tmp_path / "missing.log") == ""


def test_open_log_appends_and_keeps_one_older_file(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "x.log"
    for text in (b"first", b"second", b"third"):
        descriptor = open_log(log, rotate_at_bytes=8)
        os.write(descriptor, text)
        os.close(descriptor)
    assert log.read_bytes() == b"third"
    assert log.with_name("x.log.1").read_bytes() == b"firstsecond"
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700


def test_the_last_lines_keep_secrets_to_themselves(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("can't connect to postgresql://agent:hunter2@db/name\n")
    assert read_tail(log) == "can't connect to postgresql://agent:***@db/name"
