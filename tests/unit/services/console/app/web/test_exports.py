"""Exports: rows as they are, and nothing that acts in a spreadsheet or a terminal."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

from starlette.responses import StreamingResponse
from support.rows import for_each

from services.console.app.web.exports import export_rows

MOMENT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


async def read_all(response: StreamingResponse) -> str:
    return "".join([str(part) async for part in response.body_iterator])


async def export(value: Any, format: str) -> str:  # noqa: A002
    return await read_all(export_rows("x", ["text"], [{"text": value}], format))


async def read_cell(value: Any) -> str:
    text = await export(value, "csv")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))[1][0]


async def test_csv_has_a_head_and_opens_in_excel_with_its_korean() -> None:
    rows = [{"at": MOMENT, "name": '요청, "둘"', "score": -0.5, "left": None}]
    text = await read_all(export_rows("x", ["at", "name", "score", "left"], rows, "csv"))
    assert text == (
        '\ufeff"at","name","score","left"\r\n'
        '"2026-03-01T03:00:00+00:00","요청, ""둘""","-0.5",""\r\n'
    )


async def test_formulas_are_disarmed() -> None:
    for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\uff1d1", "\n=1"]:
        assert (await read_cell(formula)).startswith("'"), formula


async def test_a_terminal_and_the_direction_of_text_are_left_alone() -> None:
    cell = await read_cell("a\x1b[31mred\u202egnp\x07\nb")
    assert cell == "ared\\u202egnp␇\nb"


async def test_json_is_exact_and_holds_nothing_that_acts() -> None:
    hostile = "</script><b>\x1b[31m\u202e한\n"
    text = await export(hostile, "json")
    assert json.loads(text) == [{"text": hostile}]
    assert text.isascii()
    assert "<" not in text
    assert "\x1b" not in text


async def test_nothing_is_an_empty_array() -> None:
    assert json.loads(await read_all(export_rows("x", ["a"], [], "json"))) == []


async def test_rows_may_hold_json() -> None:
    rows = [{"text": {"a": [1, "한"]}}, {"text": None}]
    text = await read_all(export_rows("x", ["text"], rows, "json"))
    assert json.loads(text) == [{"text": {"a": [1, "한"]}}, {"text": None}]
    assert await read_cell({"a": [1, "한"]}) == '{"a": [1, "한"]}'


@for_each(['a"b', "../../etc/passwd", "a\r\nSet-Cookie: x=1", "요청"])
def test_a_file_is_named_in_plain_letters(name: str) -> None:
    header = export_rows(name, [], [], "csv").headers["content-disposition"]
    file_name = header.removeprefix('attachment; filename="').removesuffix('.csv"')
    assert file_name.isascii()
    assert not set(file_name) & set('"/\\\r\n ;')
