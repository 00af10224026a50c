"""Finds examples in Markdown tables: columns of inputs, and one of outputs."""

from markdown_it import MarkdownIt

from services.evaluator.app.services.examples.example import (
    Example,
    Found,
    line_offsets,
    quote,
    read_call,
)
from services.evaluator.app.services.examples.literals import parse_value, read_literal

_PARSER = MarkdownIt("zero").enable("table").disable("inline")
# Headings without signs and spaces, in lower case.
OUTPUT_HEADINGS = frozenset(
    """output result return returns returnvalue answer value expected expectedoutput expectedresult
    expectedreturn expectedreturns expectedreturnvalue expectedanswer expectedvalue 출력 결과 반환
    반환값 기댓값 기대값 예상출력 예상결과""".split()
)
OTHER_HEADINGS = frozenset(
    """no case example test id explanation note notes description comment why reason 번호 설명 비고
    이유""".split()
)


def find_table_examples(text: str) -> list[Found]:
    """Find one example a row, where every cell that matters is a literal."""
    lines = text.split("\n")
    offsets = line_offsets(lines)
    found: list[Found] = []
    header: list[str] = []
    row: list[str] = []
    line = 0
    for token in _PARSER.parse(text) if "|" in text else ():
        if token.type == "tr_open" and token.map:
            row, line = [], token.map[0]
        elif token.type == "inline":
            row.append(token.content.strip("`* "))
        elif token.type == "thead_close":
            header = row
        elif token.type == "tr_close" and header:
            example = _row_example(header, row, quote(lines[line], 0, len(lines[line])))
            found += [(offsets[line], example)] if example else []
        elif token.type == "table_close":
            header = []
    return found


def _row_example(header: list[str], cells: list[str], quoted: str) -> Example | None:
    headings = ["".join(filter(str.isalnum, cell)).lower() for cell in header]
    outputs = [index for index, heading in enumerate(headings) if heading in OUTPUT_HEADINGS]
    output = outputs[0] if len(outputs) == 1 else 0
    inputs = [index for index in range(output) if headings[index] not in {*OTHER_HEADINGS, ""}]
    literal = read_literal(cells[output], 0, loose=True)
    if not inputs or literal is None or literal.end != len(cells[output]):
        return None
    given = [cells[index] for index in inputs]
    if len(given) == 1:
        call = read_call(given[0], 0) if "(" in given[0] else None
        if call is not None and call.end == len(given[0]):
            return Example(call.function, call.source, literal.value, quoted=quoted)
    # A cell may hold several arguments: `[1, 2], 3`.
    if not all(cell and parse_value(f"[{cell}]") for cell in given):
        return None
    names = tuple(header[index] for index in inputs)
    are_names = len(names) > 1 and all(name.isidentifier() and name.isascii() for name in names)
    return Example(
        "",
        ", ".join(given),
        literal.value,
        names=names if are_names else (),
        loose=True,
        quoted=quoted,
    )
