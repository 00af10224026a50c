"""Pages of a list: cursors that say where the next one begins."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from starlette.requests import Request

CURSOR: Final = "after"
MAX_CURSOR_CHARACTERS: Final = 400
MAX_ID: Final = 2**63

Row = TypeVar("Row")
Value = datetime | UUID | int | str
Kind = type[datetime] | type[UUID] | type[int] | type[str]


def write_cursor(*values: Value) -> str:
    """Write what the last row of a page is sorted by, for the URL of the next page."""
    texts = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return urlsafe_b64encode(json.dumps(texts).encode()).decode().rstrip("=")


def read_cursor(request: Request, *kinds: Kind) -> tuple[Any, ...] | None:
    """Read the cursor in a page's URL; None is the first page, and so is anything that is none.

    Args:
        kinds: Of what type each of the cursor's values is.
    """
    text = request.query_params.get(CURSOR, "")
    if not text or len(text) > MAX_CURSOR_CHARACTERS:
        return None
    try:
        texts = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(texts, list) or len(texts) != len(kinds):
            return None
        return tuple(_read(kind, part) for kind, part in zip(kinds, texts, strict=True))
    except (ValueError, OverflowError, RecursionError):
        return None


def _read(kind: Kind, text: object) -> Value:
    if not isinstance(text, str) or "\x00" in text:
        raise ValueError
    if kind is datetime:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    if kind is int:
        number = int(text)
        if abs(number) >= MAX_ID:
            raise ValueError
        return number
    return UUID(text) if kind is UUID else text


def cut_page(
    rows: Sequence[Row], size: int, sorted_by: Callable[[Row], tuple[Value, ...]]
) -> tuple[Sequence[Row], str | None]:
    """Cut one more row than a page holds down to a page.

    Args:
        rows: At most `size + 1` of them; the last one says that there are more.

    Returns:
        The page, and the cursor of the next one; None where this is the last.
    """
    more = len(rows) > size
    return rows[:size], write_cursor(*sorted_by(rows[size - 1])) if more else None
