"""`selfheal logs export`: the log as JSON lines, in a file that goes on where it ended."""

import fcntl
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import asyncpg
import typer

from selfheal.cli.lifecycle import friendly_errors, messages, showing_progress
from selfheal.operator_database import ask_database
from selfheal.runtime.errors import EmbeddedRuntimeError
from selfheal.runtime.waiting import Progress
from services.common.config import Settings

# A row with its conversation may have megabytes.
PAGE_ROWS: Final = 100
TIMEOUT_SECONDS: Final = 600.0
PROGRESS_ROWS: Final = 10_000
TAIL_BYTES: Final = 1 << 16
GOES_ON: Final = "Run the same command again: it goes on where the file ends."
# How each line begins, but for its number.
BEGIN: Final = b'{"id": 0, "task_type": '
MEANT: Final = """
    ($1::timestamptz IS NULL OR created_at >= $1) AND ($2::timestamptz IS NULL OR created_at < $2)
    AND ($3::text IS NULL OR task_type = $3)
"""
# Not by the order of ids, in which all older rows would be read to find the first that is meant.
SELECT_FIRST: Final = f"SELECT min(id + 0) FROM execution_logs WHERE {MEANT}"
SELECT_PAGE: Final = f"""
    SELECT id, (to_jsonb(l) || jsonb_build_object('conversation', (
        SELECT to_jsonb(c) FROM selfheal.conversations AS c WHERE c.execution_id = l.id
    )))::text AS line
    FROM execution_logs AS l
    WHERE id > $4::bigint AND {MEANT}
    ORDER BY id LIMIT $5
"""


def export(
    to: Annotated[Path, typer.Option("--to", help="The file; it is gone on with.")],
    since: Annotated[
        datetime | None,
        typer.Option(help="Not before: 2026-01-01 or 2026-01-01T08:00, in this machine's zone."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Before, likewise; that moment isn't in it.")
    ] = None,
    task_type: Annotated[
        str | None, typer.Option("--task-type", "-t", help="Only this task type.", metavar="NAME")
    ] = None,
) -> None:
    """Write the log into a file, a JSON object a request, with its conversation; by rising ids.

    Run again with the same options, it adds what the file doesn't have yet.

    Example: selfheal logs export --to log.jsonl --since 2026-01-01
    """
    since, until = since and since.astimezone(), until and until.astimezone()
    if since and until and since >= until:
        raise typer.BadParameter("it has to lie after --since", param_hint="--until")
    meant = (since, until, task_type)
    with friendly_errors(), _open(to) as file, showing_progress("exporting") as progress:
        after = _find_end(file, to)
        count = ask_database(Settings(), lambda one: _export(one, file, after, meant, progress))
    if count:
        messages.print(f"Wrote {count:,} requests to {to}.")
    elif after:
        messages.print(f"Nothing is new to {to}.")
    else:
        messages.print(f"No request is logged that these options mean; {to} is empty.")


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    """Open a file for this process and this account alone.

    Raises:
        EmbeddedRuntimeError: If it can't be written, or another export is at it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EmbeddedRuntimeError(
            f"Can't write {path}: {error.strerror}.", remedy="Name another file."
        ) from error
    try:
        _close_to_others(descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    try:
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
    except BlockingIOError as error:
        raise EmbeddedRuntimeError(
            f"Another export writes to {path}.", remedy="Wait for it, or name another file."
        ) from error
    except OSError as error:
        raise EmbeddedRuntimeError(
            f"Can't write {path}: {error.strerror}.", remedy=GOES_ON
        ) from error


def _close_to_others(descriptor: int, path: Path) -> None:
    """See to it that nobody else reads a file that may have been there before."""
    status = os.fstat(descriptor)
    is_file = stat.S_ISREG(status.st_mode)
    if not is_file or status.st_uid != os.geteuid():
        why = "it belongs to another account" if is_file else "it is no file"
        raise EmbeddedRuntimeError(f"Can't write {path}: {why}.", remedy="Name another file.")
    os.fchmod(descriptor, 0o600)


def _find_end(file: BinaryIO, path: Path) -> int:
    """Return the id of a file's last whole line, 0 without any, and cut off what was torn.

    Raises:
        EmbeddedRuntimeError: If the file holds something else.
    """
    end = _find_newline(file, file.seek(0, os.SEEK_END))
    begin = _find_newline(file, max(end - 1, 0))
    file.seek(begin)
    line = file.read(end - begin)
    head = re.sub(rb"\d+", b"0", (line or file.read(len(BEGIN) * 2)), count=1)[: len(BEGIN)]
    try:
        last = json.loads(line)["id"] if line else 0
    except (ValueError, LookupError, TypeError):
        last = None
    if type(last) is not int or not BEGIN.startswith(head):
        raise EmbeddedRuntimeError(
            f"{path} holds something else than an export.", remedy="Name another file."
        )
    file.seek(end)
    file.truncate()
    return last


def _find_newline(file: BinaryIO, before: int) -> int:
    """Return where the last line before a place ends, its end included; 0 where none does."""
    while before > 0:
        start = max(0, before - TAIL_BYTES)
        file.seek(start)
        if (at := file.read(before - start).rfind(b"\n")) >= 0:
            return start + at + 1
        before = start
    return 0


async def _export(
    connection: asyncpg.Connection,
    file: BinaryIO,
    after: int,
    meant: tuple[Any, ...],
    progress: Progress,
) -> int:
    """Append the rows after an id, page by page; gives how many."""
    first = await connection.fetchval(SELECT_FIRST, *meant, timeout=TIMEOUT_SECONDS)
    count, after, has_more = 0, max(after, (first or 0) - 1), True
    while has_more:
        page = await connection.fetch(
            SELECT_PAGE, *meant, after, PAGE_ROWS, timeout=TIMEOUT_SECONDS
        )
        file.writelines(row["line"].encode() + b"\n" for row in page)
        file.flush()
        count += len(page)
        if has_more := len(page) == PAGE_ROWS:
            after = page[-1]["id"]
        if has_more and count % PROGRESS_ROWS == 0:
            progress(f"{count:,} requests")
    return count
