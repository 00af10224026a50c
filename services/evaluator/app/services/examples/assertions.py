"""Finds examples in code that a request shows: assertions, lines with a value in a comment."""

import ast
import re
from collections.abc import Iterator

from services.evaluator.app.services.examples.example import Example, Found, line_offsets, quote
from services.evaluator.app.services.examples.literals import (
    parse_expression,
    parse_statements,
    parse_value,
    read_literal,
)
from services.evaluator.app.services.examples.program import Program, equality, make_example

MAX_LINES = 400
MAX_LINE_CHARACTERS = 300
# What a comment behind a line of code says of its value.
COMMENT = re.compile(
    r"[ \t]*(?:#|//)[ \t]*(?:={1,2}>|-{1,2}>|→|➞|⇒|==)?[ \t]*"
    r"(?:(?:should[ \t]+)?(?:returns?|gives?|be|is|outputs?|result|expected|expect|"
    r"반환|출력|결과)[ \t]*:?[ \t]*)?",
    re.I,
)
# What may follow the value.
COMMENT_ENDS = ("(", "#", ";", ".", ",", "–", "—", "-", "since ", "because ", "as ")


def find_code_examples(text: str) -> list[Found]:
    """Find assertions, and lines of code with their value in a comment."""
    lines = text.split("\n")[:MAX_LINES]
    offsets = line_offsets(lines)
    found: list[Found] = []
    for start, end in _code_runs(lines):
        found += [(offsets[start], example) for example in _program_examples(lines[start:end])]
    return found


def _code_runs(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield first and last index of each run of lines that are simple statements."""
    start = None
    for index, line in enumerate([*lines, "."]):
        stripped = line.strip()
        is_code = not stripped or (
            len(stripped) <= MAX_LINE_CHARACTERS
            and any(character in stripped for character in "(=")
            and _is_simple(parse_statements(stripped))
        )
        if is_code and start is None and stripped:
            start = index
        elif not is_code and start is not None:
            yield start, index
            start = None


def _is_simple(nodes: list[ast.stmt] | None) -> bool:
    return bool(nodes) and all(
        isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Assert | ast.Import)
        or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Name | ast.Compare)
        )
        for node in nodes or ()
    )


def _program_examples(lines: list[str]) -> Iterator[Example]:
    program = Program()
    for line in lines:
        nodes = parse_statements(line.strip()) or []
        for position, node in enumerate(nodes):
            is_last = position == len(nodes) - 1
            example = _statement_example(node, line.strip() if is_last else "", program)
            if example is not None:
                yield example
            if not isinstance(node, ast.Assert):
                program.add(ast.unparse(node), [node])


def _statement_example(node: ast.stmt, line: str, program: Program) -> Example | None:
    quoted = quote(line, 0, len(line))
    match node:
        case ast.Assert(test=ast.Compare() as test) | ast.Expr(value=ast.Compare() as test):
            compared = equality(test)
            if compared is None:
                return None
            return make_example(compared[0], program, parse_value(compared[1]), quoted=quoted)
        case ast.Assert(test=ast.Call() | ast.UnaryOp(op=ast.Not(), operand=ast.Call()) as test):
            is_true = isinstance(test, ast.Call)
            call = test if isinstance(test, ast.Call) else test.operand
            if sum(isinstance(inner, ast.Call) for inner in ast.walk(call)) > 1:
                return None  # `isclose(f(2), 1.41)`: which of them is asked for isn't sure
            asked = parse_expression(f"bool({ast.unparse(call)})")
            return make_example(asked, program, (is_true,), quoted=quoted) if asked else None
        case ast.Expr(value=ast.Call() | ast.Name() as value):
            return make_example(value, program, _value_in_comment(node, line), quoted=quoted)
    return None


def _value_in_comment(node: ast.stmt, line: str) -> tuple[object] | None:
    """Read the value that the comment behind a statement gives, if it gives nothing else."""
    # Columns are counted in bytes of UTF-8.
    encoded = line.encode()
    behind = encoded[node.end_col_offset or len(encoded) :].decode("utf-8", "replace")
    opening = COMMENT.match(behind)
    literal = read_literal(behind, opening.end(), loose=True) if opening else None
    rest = behind[literal.end :].strip() if literal else ""
    is_whole = not rest or rest.startswith(COMMENT_ENDS)
    return (literal.value,) if literal and is_whole else None
