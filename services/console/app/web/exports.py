"""Exports: a list's rows as CSV or JSON, with nothing in them that acts where they are opened."""

import csv
import io
import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import StreamingResponse

from services.common.presentation.visible_text import make_visible

FORMATS: Final = ("csv", "json")
# Without it Excel reads UTF-8 as the machine's own code page, and shows Korean as nonsense.
BYTE_ORDER_MARK: Final = "\ufeff"
# A spreadsheet takes what begins with one of these for a formula, the wide forms included.
FORMULA_STARTS: Final = tuple("=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20")
_OTHER_THAN_NAME = re.compile(r"[^A-Za-z0-9._-]+")

Rows = Iterable[Mapping[str, Any]] | AsyncIterable[Mapping[str, Any]]


def wants_export(request: Request) -> str | None:
    """Return the format that a page's URL asks for by `format`; None for the page itself."""
    wanted = request.query_params.get("format", "")
    return wanted if wanted in FORMATS else None


def export_rows(name: str, columns: Sequence[str], rows: Rows, format: str) -> StreamingResponse:  # noqa: A002
    """Send rows as a file, while they are read.

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


async def _write_csv(columns: Sequence[str], rows: Rows) -> AsyncIterator[str]:
    part = io.StringIO()
    writer = csv.writer(part)
    part.write(BYTE_ORDER_MARK)
    writer.writerow(columns)
    async for row in _iterate(rows):
        writer.writerow([_as_cell(row[column]) for column in columns])
        yield part.getvalue()
        part.seek(0)
        part.truncate()
    yield part.getvalue()


async def _write_json(columns: Sequence[str], rows: Rows) -> AsyncIterator[str]:
    start = "[\n"
    async for row in _iterate(rows):
        value = {column: row[column] for column in columns}
        # All that isn't ASCII is escaped, and what could end a script's element besides.
        yield start + json.dumps(value, default=_as_text).replace("<", "\\u003c")
        start = ",\n"
    yield "[]\n" if start == "[\n" else "\n]\n"


async def _iterate(rows: Rows) -> AsyncIterator[Mapping[str, Any]]:
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield row
    else:
        for row in rows:
            yield row


def _as_cell(value: Any) -> Any:
    """Return what a cell holds: numbers as they are, text that is no formula and moves nothing."""
    if value is None or isinstance(value, int | float):
        return value
    text = _as_text(value)
    if text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS):
        text = f"'{text}"
    return text if text.isprintable() else make_visible(text)


def _as_text(value: Any) -> str:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case dict() | list() | tuple():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return str(value)
