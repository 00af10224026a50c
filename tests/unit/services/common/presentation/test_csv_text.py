import csv
import io
from datetime import UTC, datetime
from typing import Any

from support.rows import for_each

from services.common.presentation.csv_text import write_csv_line


def read_cell(value: Any) -> str:
    ((cell,),) = csv.reader(io.StringIO(write_csv_line([value]), newline=""))
    return cell


@for_each(
    [
        "=1+1",
        '=HYPERLINK("http://evil")',
        "+1",
        "-1+cmd|' /C calc'!A0",
        "@SUM(A1)",
        "  =1+1",
        "\t=1",
        "\r\n=1",
        "\uff1d1+1",
        "\x1b[31m=1+1",
        "\ufeff=1",
    ]
)
def test_what_a_spreadsheet_would_run_is_text(text: str) -> None:
    cell = read_cell(text)
    assert cell.startswith(("'", "\\ufeff"))


@for_each(
    [
        (None, ""),
        (-1.5, "-1.5"),
        (True, "True"),
        ("a - b", "a - b"),
        ("가=나", "가=나"),
        ('two\nlines, "quoted"; and a semicolon', 'two\nlines, "quoted"; and a semicolon'),
        ("\x1b[31mred\x1b[0m\x07", "red␇"),
        ("a\u202eb", "a\\u202eb"),
        ({"a": [1, "ü"]}, '{"a": [1, "ü"]}'),
        (datetime(2026, 11, 28, tzinfo=UTC), "2026-11-28T00:00:00+00:00"),
    ]
)
def test_everything_else_is_read_back_as_it_was(row: tuple[Any, str]) -> None:
    value, cell = row
    assert read_cell(value) == cell


def test_each_cell_is_quoted_whatever_separates_them_elsewhere() -> None:
    assert write_csv_line(["a;=1", 2]) == '"a;=1","2"\r\n'
