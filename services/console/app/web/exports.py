"""Exports: a list's rows as CSV or JSON, with nothing in them that acts where they are opened."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import StreamingResponse

from services.common.presentation.csv_text import write_csv_line

FORMATS: Final = ("csv", "json")
# Without it Excel reads UTF-8 as the machine's own code page, and shows Korean as nonsense.
BYTE_ORDER_MARK: Final = "\ufeff"
_ACTING: Final = re.compile("[<\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_OTHER_THAN_NAME = re.compile(r"[^A-Za-z0-9._-]+")

Rows = Iterable[Mapping[str, Any]]


def wants_export(request: Request) -> str | None:
    """Return the format that a page's URL asks for by `format`; None for the page itself."""
    wanted = request.query_params.get("format", "")
    return wanted if wanted in FORMATS else None


def export_rows(name: str, columns: Sequence[str], rows: Rows, format: str) -> StreamingResponse:  # noqa: A002
    """Send rows as a file.

    Args:
        name: The file's name, without its ending.
        columns: What is sent of each row, in this order.
        format: `csv`, or `json` for an array of objects.
    """
    if format == "csv":
        parts, media_type = _write_csv(columns, rows), "text/csv; charset=utf-8"
    else:
        parts, media_type = _write_json(columns, rows), "application/json"
    file_name = f"{_OTHER_THAN_NAME.sub('-', name)[:100]}.{format}"
    return StreamingResponse(
        parts,
        media_type=media_type,
        headers={"content-disposition": f'attachment; filename="{file_name}"'},
    )


def quieten_json(text: str) -> str:
    """Escape in JSON what could end a script's element, or turn the direction of what is shown."""
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _write_csv(columns: Sequence[str], rows: Rows) -> Iterator[str]:
    yield BYTE_ORDER_MARK + write_csv_line(columns)
    for row in rows:
        yield write_csv_line(row[column] for column in columns)


def _write_json(columns: Sequence[str], rows: Rows) -> Iterator[str]:
    start = "[\n"
    for row in rows:
        value = {column: row[column] for column in columns}
        # All that isn't ASCII is escaped, and what could end a script's element besides.
        yield start + json.dumps(value, default=_as_text).replace("<", "\\u003c")
        start = ",\n"
    yield "[]\n" if start == "[\n" else "\n]\n"


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
