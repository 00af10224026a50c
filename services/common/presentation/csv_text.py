"""Writes CSV that a spreadsheet shows and doesn't run, whoever wrote the texts in it."""

import csv
import io
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from services.common.presentation.visible_text import make_visible

# What begins a formula in a spreadsheet; full-width forms count as the narrow ones in some.
FORMULA_STARTS: Final = tuple("=+-@|%\t\r\n\uff1d\uff0b\uff0d\uff20")


def write_csv_line(values: Iterable[Any]) -> str:
    """Write a line of CSV, with its end.

    All is quoted, so that no text becomes several cells where another sign separates them. A text
    that a spreadsheet would take as a formula gets an apostrophe before it, and what would act in
    a terminal is shown instead. Objects become JSON, moments ISO 8601, None an empty cell.
    """
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow([_write_cell(value) for value in values])
    return line.getvalue()


def _write_cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool() | int() | float():
            return str(value)
        case datetime():
            return value.isoformat()
        case str():
            text = value
        case dict() | list() | tuple():
            text = json.dumps(value, ensure_ascii=False, default=str)
        case _:
            text = str(value)
    shown = make_visible(text)
    is_formula = text.lstrip(" ").startswith(FORMULA_STARTS) or shown.startswith(FORMULA_STARTS)
    return f"'{shown}" if is_formula else shown
