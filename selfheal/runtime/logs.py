"""The log files of the processes: opening, rotating, and finding what matters at their end."""

import json
import os
from pathlib import Path
from typing import Any

from services.common.secret_masking import mask_secrets

ROTATE_AT_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 64 * 1024
_ERROR_LEVELS = frozenset({"error", "critical", "exception"})
_ERROR_MARKS = ("error", "fatal", "panic", "traceback", "exception")
_TURNS = frozenset({"service_started", "service_stopped"})


def open_log(path: Path, *, rotate_at_bytes: int = ROTATE_AT_BYTES) -> int:
    """Open a log for a child to append to, keeping one older file when it has grown large.

    Returns:
        A descriptor that the caller closes; the file has mode 0600, since it may quote requests.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > rotate_at_bytes:
        path.replace(path.with_name(path.name + ".1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def read_tail(path: Path, *, lines: int = 12) -> str:
    """Return the last lines of a log, without secrets; empty if there is no log."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return mask_secrets("\n".join(text.splitlines()[-lines:]))


def last_error(text: str) -> str:
    """Find the line of a log that says best why the process ended; empty where none does.

    Lines are either JSON objects with `level` and `event`, as the services write them, or plain
    text. The last line that reports an error wins; without one, the last line of plain text. What
    a service wrote before it last started or stopped is of another time.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    turns = [number for number, line in enumerate(lines, 1) if _event_in(line) in _TURNS]
    lines = lines[max(turns, default=0) :]
    errors = (found for line in reversed(lines) if (found := _error_in(line)))
    plain = (line for line in reversed(lines) if not line.startswith("{"))
    return next(errors, "") or next(plain, "")


def _event_in(line: str) -> str:
    return str(_read(line).get("event", "")).strip()


def _read(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _error_in(line: str) -> str:
    if not line.startswith("{"):
        return line if any(mark in line.lower() for mark in _ERROR_MARKS) else ""
    entry = _read(line)
    if str(entry.get("level", "")).lower() not in _ERROR_LEVELS:
        return ""
    cause = entry.get("error") or entry.get("exception") or entry.get("message") or ""
    summary = str(cause).strip().splitlines()[-1] if str(cause).strip() else ""
    event = _event_in(line)
    return f"{event}: {summary}" if event and summary else event or summary
