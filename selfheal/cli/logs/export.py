"""`selfheal logs export`: the log as JSON lines, in a file that goes on where it ended."""

import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import asyncpg
import typer

from selfheal.cli.logs.moments import Since, Until
from selfheal.cli.terminal import (
    friendly_errors,
    messages,
    showing_progress,
)
from selfheal.operator_database import ask_database
from selfheal.runtime.errors import EmbeddedRuntimeError
from selfheal.runtime.waiting import Progress
from services.common.config import Settings

# A row with its conversation may have megabytes.
PAGE_ROWS: Final = 100
TIMEOUT_SECONDS: Final = 600.0
PROGRESS_ROWS: Final = 10_000
GOES_ON: Final = (
    "Name another file. Or mend that, and run the same command again: it goes on where the file "
    "ends."
)
IS_LINE: Final = re.compile(rb'\{"id": (\d+), "task_type": .*\}\n', re.DOTALL).fullmatch
# How the first one begins where it is torn, but for its number.
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
    since: Since = None,
    until: Until = None,
    task_type: Annotated[
        str | None, typer.Option("--task-type", "-t", help="Only this task type.", metavar="NAME")
    ] = None,
) -> None:
    """Write the log into a file, a JSON object a request, with its conversation; by rising ids.

    Run again with the same options, it adds what the file doesn't have yet.

    Example: selfheal logs export --to log.jsonl --since 2026-01-01
    """
    if since and until and since >= until:
        raise typer.BadParameter("it has to lie after --since", param_hint="--until")
    meant = (since, until, task_type)
    with friendly_errors(), showing_progress("exporting") as progress:
        settings = Settings()
        first = ask_database(
            settings, lambda one: one.fetchval(SELECT_FIRST, *meant, timeout=TIMEOUT_SECONDS)
        )
        with _open(to) as file:
            last = _find_last(file, to)
            after = max(last, (first or 0) - 1)
            count = ask_database(settings, lambda one: _export(one, file, after, meant, progress))
    if count:
        messages.print(f"Wrote {count:,} requests to {to}.")
    elif last:
        messages.print(f"Nothing is new to {to}.")
    else:
        messages.print(f"No request is logged that these options mean; {to} is empty.")


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    """Open a file for this process and this account alone, whoever could read it before.

    Raises:
        EmbeddedRuntimeError: If it can't be written, or another export is at it.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            if reason := _find_obstacle(file.fileno()):
                raise OSError(errno.EPERM, reason)
            os.fchmod(file.fileno(), 0o600)
            yield file
    except OSError as error:
        raise EmbeddedRuntimeError(
            f"Can't write {path}: {error.strerror or error}.", remedy=GOES_ON
        ) from error


def _find_obstacle(descriptor: int) -> str:
    """Lock a file, or tell why it isn't to be written; empty where it is."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return "it is no file"
    if status.st_uid != os.geteuid():
        return "it belongs to another account"
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "another export writes to it"
    return ""


def _find_last(file: BinaryIO, path: Path) -> int:
    """Return the id of a file's last whole line, 0 without any, and cut off what was torn.

    Raises:
        EmbeddedRuntimeError: If the file holds something else.
    """
    if not os.fstat(file.fileno()).st_size:
        return 0
    with mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        end = content.rfind(b"\n") + 1
        line = content[content.rfind(b"\n", 0, max(end - 1, 0)) + 1 : end]
        torn = re.sub(rb"\d+", b"0", content[end : end + 2 * len(BEGIN)], count=1)[: len(BEGIN)]
    found = IS_LINE(line)
    if not (found if line else BEGIN.startswith(torn)):
        raise EmbeddedRuntimeError(
            f"{path} holds something else than an export.", remedy="Name another file."
        )
    file.seek(end)
    file.truncate()
    return int(found[1]) if found else 0


async def _export(
    connection: asyncpg.Connection,
    file: BinaryIO,
    after: int,
    meant: tuple[Any, ...],
    progress: Progress,
) -> int:
    """Append the rows after an id, page by page; gives how many."""
    count, has_more = 0, True
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
