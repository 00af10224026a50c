"""Which blocks a text holds, and where they end."""

import json

import pytest
from support.rows import for_each

from services.common.answers.markdown import (
    MAX_BLOCKS,
    FencedBlock,
    find_fenced_blocks,
    find_indented_blocks,
    straighten,
)


def found(text: str) -> list[tuple[str, str]]:
    return [(block.info, block.text) for block in find_fenced_blocks(text)]


@for_each(
    [
        ("```a\n1\n```\n~~~b\n2\n~~~", [("a", "1\n"), ("b", "2\n")]),
        ("````\n```\nx\n```\n````", [("", "```\nx\n```\n")]),
        ("```\nx\n`````", [("", "x\n")]),
        ("````\nx\n```", [("", "x\n```")]),
        ("```a\n```b\nx\n```", [("a", "```b\nx\n")]),
        ("```", [("", "")]),
        ("``\nx\n``", []),
        ("``` a b c\nx\n```", [("a b c", "x\n")]),
        ("1. one\n\n   ```a\n   x\n     y\n   ```\n", [("a", "x\n  y\n")]),
        ("- one\n  - two\n    ```a\n    x\n    ```\n", [("a", "x\n")]),
        ("> ```a\n> x\n> ```\n", [("a", "x\n")]),
        ("> So:\nthen\n> ```a\n> x\ny\n```b\nz", [("a", "x\n"), ("b", "z")]),
        ("    ```a\n    x\n    ```\n", [("a", "x\n")]),
        ("\ufeff```a\nx\n```", [("a", "x\n")]),
        ("```a\r\nx\r\n```\r\n", [("a", "x\n")]),
        ("\u200b```a\n\u00a0x\n```\u200b", [("a", " x\n")]),
        ("<output>\n```a\nx\n```\n</output>", [("a", "x\n")]),
    ]
)
def test_fenced_blocks(row: tuple[str, list[tuple[str, str]]]) -> None:
    text, blocks = row
    assert found(text) == blocks


def is_json(block: FencedBlock) -> bool:
    try:
        json.loads(block.text)
    except ValueError:
        return False
    return True


@for_each(
    [
        ("```json\n[1]```\nDone.\n", ["[1]"]),
        ("```json\n[1]```\n\n```json\n[2]\n```\n", ["[1]", "[2]\n"]),
        ("> ```json\n> [1]```\n> Done.\n", ["[1]"]),
        ("```markdown\nSo:\n```json\n[1]\n```\nDone.\n```\n", ["[1]\n", ""]),
        ("````md\n```json\n[1]\n```\n```json\n[2]\n```\n````\n", ["[1]\n", "[2]\n"]),
        ("```json\n[1\n```\n", ["[1\n"]),
    ]
)
def test_a_block_ends_where_it_makes_sense(row: tuple[str, list[str]]) -> None:
    text, contents = row
    assert [block.text for block in find_fenced_blocks(text, is_json)] == contents


def test_lines_are_counted_in_the_whole_text() -> None:
    blocks = find_fenced_blocks("a\n```json\n[1]```\n\n```b\n[2]\n```\nc", is_json)
    assert [(block.first_line, block.end_line) for block in blocks] == [(1, 3), (4, 7)]


def test_no_more_blocks_are_read_than_the_limit() -> None:
    blocks = found("".join(f"```\nx{number}\n```\n" for number in range(MAX_BLOCKS + 5)))
    assert [text for _, text in blocks] == [f"x{number}\n" for number in range(MAX_BLOCKS)]


def test_indented_blocks() -> None:
    assert find_indented_blocks("So:\n\n    x\n\n    y\n\nDone.\n") == ["x\n\ny\n"]
    assert find_indented_blocks("So:\n\nx\n") == []


def test_blanks_within_a_line_stay() -> None:
    assert straighten("\u00a0\u200ba\u00a0b\u00a0\r\nc") == " a\u00a0b \nc"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(">" * 10_000 + "\n```", id="quotes"),
        pytest.param("- " * 20_000 + "\n```", id="bullets-on-a-line"),
        pytest.param("\n".join(" " * 2 * i + "- a" for i in range(250)) + "\n```", id="deep-lists"),
        pytest.param("```\n" * 16_000, id="fences"),
        pytest.param("> ```a\nb\n" * 6_000, id="fences-in-quotes-that-end-lazily"),
        pytest.param("> - a\nb\n" * 6_000 + "```", id="bullets-in-quotes-that-end-lazily"),
        pytest.param("- ```a\n  x\n" * 5_000, id="fences-in-bullets"),
        pytest.param("```a\nx```\n" * 6_000, id="fences-behind-lines"),
        pytest.param("````md\n```md\n" * 4_000, id="fences-around-fences"),
        pytest.param("\u00a0" * 64_000 + "```", id="no-break-spaces"),
    ],
)
def test_hostile_text_is_read_to_an_end(text: str) -> None:
    assert len(find_fenced_blocks(text, lambda _block: False)) <= MAX_BLOCKS
