"""Reads records that may lack any part, as older versions and damaged rows do."""

import math
from typing import Any

from services.common.presentation.visible_text import make_visible_line

Detail = dict[str, Any]

MAX_LINE_CHARACTERS = 400


def read_part(detail: Detail, name: str) -> Detail:
    """Return the record of that name; an empty one where it isn't there."""
    part = detail.get(name)
    return part if isinstance(part, dict) else {}


def read_records(detail: Detail, name: str) -> list[Detail]:
    """Return the records in the list of that name."""
    return [one for one in read_list(detail, name) if isinstance(one, dict)]


def read_list(detail: Detail, name: str) -> list[Any]:
    """Return the list of that name; an empty one where it isn't there."""
    found = detail.get(name)
    return found if isinstance(found, list) else []


def read_number(detail: Detail, name: str) -> float | None:
    """Return the finite number of that name; None where there is none."""
    value = detail.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def read_line(detail: Detail, name: str, *, most: int = MAX_LINE_CHARACTERS) -> str:
    """Return the text of that name on one line, safe to show; empty where it isn't there."""
    value = detail.get(name)
    return "" if value is None else show_line(value, most=most)


def show_line(value: object, *, most: int = MAX_LINE_CHARACTERS) -> str:
    """Return a value as one line that is safe to show, cut where it is long."""
    text = value if isinstance(value, str) else str(value)
    line = make_visible_line(text[: 4 * most])
    return line if len(line) <= most and len(text) <= 4 * most else line[: most - 1] + "…"
