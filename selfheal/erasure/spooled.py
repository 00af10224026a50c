"""Takes a person's texts out of rows that wait on this machine's disk for the database."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from selfheal.erasure.statements import ERASED_CONVERSATION, ERASURE
from services.common.evaluation_detail import REMOVED
from services.common.personal.blanking import BLANK_EXECUTION, write_remains
from services.common.private_files import write_private
from services.common.text import make_storable
from services.manager.app.log.rows import decode_row, encode_row
from services.manager.app.log.spool.framing import frame, read_frames
from services.manager.app.log.spool.segment import SUFFIX, claim, sync_directory
from services.manager.app.log.spool.state import DAMAGED, REFUSED

# Where the rows of a person may lie, on their way or aside.
FILES: Final = frozenset({SUFFIX, REFUSED, DAMAGED})
SELECT_REMAINS: Final = f"""
    SELECT {write_remains(ERASURE)} FROM (SELECT $1::text, $2::jsonb) AS row (error_message, detail)
"""
IsTheirs = Callable[[UUID, Mapping[str, Any]], bool]


async def erase_from_spool(
    connection: asyncpg.Connection, directory: Path, is_theirs: IsTheirs, *, is_dry: bool
) -> tuple[int, list[str]]:
    """Blank the rows of a person in a spool; a Manager may land others meanwhile.

    Args:
        connection: Knows what is left of a row.
        is_theirs: Tells it by a request's id and its conversation, by column.
        is_dry: Only count.

    Returns:
        How many rows there were, and what wasn't looked through, in sentences.
    """
    count, left = 0, []
    try:
        for path in _list_files(directory):
            with claim(path) as stored:
                if stored is None:
                    left.append(f"{path} is being landed: run this again in a moment.")
                    continue
                lines = stored.split(b"\n")
                blanked = [await _blank(connection, line, is_theirs) for line in lines]
                count += (found := sum(old != new for old, new in zip(lines, blanked, strict=True)))
                if read_frames(stored).damaged:
                    left.append(f"{path} holds lines that can't be read: look into it.")
                if found and not is_dry:
                    _replace(path, b"\n".join(blanked))
    except FileNotFoundError:
        pass  # there is no spool, or it just landed
    except OSError as error:
        left.append(f"The spool {directory} can't be read or written ({error.strerror}).")
    return count, left


def _list_files(directory: Path) -> list[Path]:
    files = [path for path in directory.iterdir() if path.suffix in FILES]
    return sorted(path for path in files if path.stat().st_size)


async def _blank(connection: asyncpg.Connection, line: bytes, is_theirs: IsTheirs) -> bytes:
    """Return a line of a spool's file, without the texts where it is a row of the person's."""
    for record in read_frames(line).records:
        try:
            row = decode_row(record)
        except (ValueError, TypeError, KeyError):
            return line  # of another version: no Manager of this one lands it either
        if is_theirs(row.execution.request_id, row.conversation or {}):
            execution = row.execution
            if REMOVED in (execution.evaluation_detail or {}) and not execution.user_input:
                return line  # it was blanked before
            told = make_storable([execution.error_message, execution.evaluation_detail])
            remains: Any = await connection.fetchrow(SELECT_REMAINS, *told)
            blanked = replace(
                row,
                execution=replace(execution, **BLANK_EXECUTION, **remains),
                conversation=row.conversation and {**row.conversation, **ERASED_CONVERSATION},
                mark=None,
            )
            return frame(encode_row(blanked)).strip(b"\n")
    return line


def _replace(path: Path, content: bytes) -> None:
    """Replace a file, whose lock is held, by one of another name.

    Whoever waits with the old one in its hands finds that its name is gone, and lands nothing.
    """
    begun_at = path.stem.partition("-")[0]
    write_private(path.with_name(f"{begun_at}-{secrets.token_hex(4)}{path.suffix}"), content)
    path.unlink()
    sync_directory(path.parent)
