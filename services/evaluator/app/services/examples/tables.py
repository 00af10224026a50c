"""Finds examples in Markdown tables: columns of inputs, and one of outputs."""

from services.evaluator.app.services.examples.example import (
    Example,
    Found,
    line_offsets,
    quote,
    read_call,
)
from services.evaluator.app.services.examples.literals import (
    balanced_end,
    parse_value,
    read_literal,
)

MAX_LINES = 400
MAX_ROWS = 60
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
    lines = text.split("\n")[:MAX_LINES]
    found: list[Found] = []
    for index, (offset, line) in enumerate(zip(line_offsets(lines), lines, strict=True)):
        if "|" in line and _is_rule("".join(lines[index + 1 : index + 2])):
            rows = lines[index + 2 : index + 2 + MAX_ROWS]
            found += [(offset, example) for example in _table_examples(_cells(line), rows)]
    return found


def _is_rule(line: str) -> bool:
    """Whether a line parts a table's header from its rows: `|---|:---:|`."""
    return "|" in line and "--" in line and not line.strip("|:- \t")


def _cells(line: str) -> list[str]:
    """Split a row into cells; a bar inside of brackets or quotes parts nothing."""
    cells: list[str] = []
    inner = line.strip()[:1_000].removeprefix("|").removesuffix("|")
    start = position = 0
    while position < len(inner):
        if inner[position] == "|":
            cells.append(inner[start:position])
            start = position = position + 1
            continue
        end = balanced_end(inner, position) if inner[position] in "([{" else None
        if end is None and inner[position] in "'\"" and (literal := read_literal(inner, position)):
            end = literal.end
        position = end or position + 1
    return [cell.strip().strip("`*").strip() for cell in (*cells, inner[start:])]


def _table_examples(header: list[str], rows: list[str]) -> list[Example]:
    headings = ["".join(filter(str.isalnum, cell)).lower() for cell in header]
    outputs = [index for index, heading in enumerate(headings) if heading in OUTPUT_HEADINGS]
    if len(outputs) != 1:
        return []
    output = outputs[0]
    inputs = [index for index in range(output) if headings[index] not in {*OTHER_HEADINGS, ""}]
    examples: list[Example] = []
    for row in rows:
        if "|" not in row:
            break
        cells = _cells(row)
        if inputs and len(cells) == len(header):
            example = _row_example(header, cells, inputs, output, quote(row, 0, len(row)))
            examples += [example] if example else []
    return examples


def _row_example(
    header: list[str], cells: list[str], inputs: list[int], output: int, quoted: str
) -> Example | None:
    literal = read_literal(cells[output], 0, loose=True)
    if literal is None or literal.end != len(cells[output]):
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
