"""Finds examples in `>>>` sessions, each with the lines before it that it needs."""

import ast
import re
from dataclasses import dataclass

from services.evaluator.app.services.examples.example import Example, Found, line_offsets
from services.evaluator.app.services.examples.literals import (
    parse_expression,
    parse_statements,
    parse_value,
)
from services.evaluator.app.services.examples.program import Program, equality, make_example

MAX_LINES = 400
MAX_STATEMENT_LINES = 25
PROMPT = ">>>"
CONTINUATION = "..."
SESSION_ENDS = (PROMPT, '"""', "'''", "```", "~~~")
ERROR_LINE = re.compile(r"\s*(?:\w+\.){0,5}([A-Z]\w{2,60})(?::|\s*$)", re.ASCII)
TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True, slots=True)
class Entry:
    """A statement at a prompt, and the output below it.

    Attributes:
        source: The statement.
        output: Lines of its output.
        first: Index of its first line.
        end: Index of the line after its output.
    """

    source: str
    output: tuple[str, ...]
    first: int
    end: int


def find_session_examples(text: str) -> tuple[list[Found], str]:
    """Find examples in all `>>>` sessions; return them, and the text with the sessions blanked out.

    Where no output is shown, it may have been left out.
    """
    lines = text.split("\n")[:MAX_LINES]
    offsets = line_offsets(lines)
    found: list[Found] = []
    program = Program()
    for entry in _read_entries(lines):
        example = _session_example(entry.source, list(entry.output), program)
        if example is not None:
            found.append((offsets[entry.first], example))
        for line in range(entry.first, entry.end):
            offset, length = offsets[line], len(lines[line])
            text = text[:offset] + " " * length + text[offset + length :]
    return found, text


def _begins(line: str, mark: str) -> bool:
    return f"{line.lstrip()} ".startswith(f"{mark} ")


def _ends_session(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith(SESSION_ENDS)


def _read_entries(lines: list[str]) -> list[Entry]:
    entries: list[Entry] = []
    index = 0
    while index < len(lines):
        if not _begins(lines[index], PROMPT):
            index += 1
            continue
        first = index
        source, index = _read_statement(lines, index)
        output, index = _read_output(lines, index)
        entries.append(Entry(source, tuple(output), first, index))
    return entries


def _read_statement(lines: list[str], index: int) -> tuple[str, int]:
    """Read the statement at a prompt, with its continuation lines; return the line after it too."""
    parts = [lines[index].lstrip()[4:]]
    index += 1
    while index < len(lines) and len(parts) < MAX_STATEMENT_LINES:
        if _begins(lines[index], CONTINUATION):
            parts.append(lines[index].lstrip()[4:])
        elif parse_statements("\n".join(parts)) is None and not _ends_session(lines[index]):
            # Without `...`, as people write by hand.
            joined = "\n".join([*parts, lines[index].strip()])
            if joined.count("(") + joined.count("[") <= joined.count(")") + joined.count("]") and (
                parse_statements(joined) is None
                and parse_statements(joined.replace("\n", "\\n")) is None
            ):
                break
            parts.append(lines[index].strip())
        else:
            break
        index += 1
    source = "\n".join(parts).strip()
    # In a docstring that is no raw one, `\n` has become the end of the line.
    unbroken = "\\n".join(part.strip() for part in parts)
    is_broken = parse_statements(source) is None and parse_statements(unbroken) is not None
    return unbroken if is_broken else source, index


def _read_output(lines: list[str], index: int) -> tuple[list[str], int]:
    output: list[str] = []
    while index < len(lines) and len(output) < MAX_STATEMENT_LINES:
        if _ends_session(lines[index]):
            break
        output.append(lines[index].strip())
        index += 1
    return output, index


def _session_example(source: str, output: list[str], program: Program) -> Example | None:
    """Read the example in a statement and its output; add the statement to the program."""
    nodes = parse_statements(source)
    if not nodes:
        return None
    statement = nodes[-1]
    example = None
    if len(nodes) == 1 and isinstance(statement, ast.Expr):
        example = _example_of(statement.value, output, program)
    program.add(ast.unparse(statement) if len(nodes) == 1 else source, nodes)
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        # A definition in a session is what the session tries out, not what goes before a call.
        program.statements.pop()
        program.bound.discard(statement.name)
    return example


def _example_of(node: ast.expr, output: list[str], program: Program) -> Example | None:
    shown = "\n".join(output)
    if isinstance(node, ast.Compare):
        compared = equality(node)
        if compared is None or shown not in ("", "True"):
            return None
        node, expected = compared
        return make_example(node, program, parse_value(expected))
    if not output:
        return None
    if output[0].startswith(TRACEBACK):
        errors = [match[1] for line in output[1:] if (match := ERROR_LINE.match(line))]
        return make_example(node, program, None, errors[-1]) if errors else None
    match node:
        case ast.Call(func=ast.Name(id="print"), args=[printed], keywords=[]):
            # What is printed is the text of the value.
            asked = parse_expression(f"str({ast.unparse(printed)})")
            return make_example(asked, program, (shown,)) if asked is not None else None
    return make_example(node, program, parse_value(shown) or parse_value("\\n".join(output)))
