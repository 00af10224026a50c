"""Cursors: what is written is read again, and nonsense is the first page."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from starlette.requests import Request
from support.rows import for_each

from services.console.app.web.paging import cut_page, read_cursor, write_cursor

MOMENT = datetime(2026, 3, 1, 3, 0, 0, 123456, tzinfo=UTC)
RUN = UUID("00000000-0000-4000-8000-000000000001")


def request_with(cursor: str) -> Request:
    query = f"after={cursor}".encode()
    return Request({"type": "http", "query_string": query, "headers": []})


@for_each([(MOMENT, 7), (2**62,), (MOMENT, RUN), ("code_generation", -3)])
def test_what_is_written_is_read_again(values: tuple[Any, ...]) -> None:
    kinds = [type(value) for value in values]
    assert read_cursor(request_with(write_cursor(*values)), *kinds) == values


def wrap(json_text: str) -> str:
    return urlsafe_b64encode(json_text.encode()).decode()


@for_each(
    [
        "",
        "%FF%00",
        "a",
        wrap("7"),
        wrap("[7]"),
        wrap('["7", "8"]'),
        wrap('["9223372036854775808"]'),
        wrap('["' + "9" * 300 + '"]'),
        wrap("[" * 200),
    ]
)
def test_nonsense_is_the_first_page(cursor: str) -> None:
    assert read_cursor(request_with(cursor), int) is None


@for_each(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_utc_has_not_is_nonsense(moment: str) -> None:
    assert read_cursor(request_with(wrap(f'["{moment}"]')), datetime) is None


def test_a_moment_without_its_zone_is_nonsense() -> None:
    assert read_cursor(request_with(wrap('["2026-03-01T03:00:00"]')), datetime) is None


def test_a_page_is_cut_and_says_where_the_next_begins() -> None:
    rows = [{"id": number} for number in (9, 8, 7)]
    page, cursor = cut_page(rows, 2, lambda row: (row["id"],))
    assert list(page) == rows[:2]
    assert cursor is not None
    assert read_cursor(request_with(cursor), int) == (8,)
    assert cut_page(rows, 3, lambda row: (row["id"],)) == (rows, None)
