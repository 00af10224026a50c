"""Examples in `>>>` sessions: what stands before a line counts for it."""

import ast
import re
from dataclasses import dataclass

from services.evaluator.app.services.examples.example import Example, line_offsets
from services.evaluator.app.services.examples.literals import (
    parse_expression,
    parse_statements,
    parse_value,
    read_literal,
)
from services.evaluator.app.services.examples.program import Program, equality, make_example

MAX_LINES = 400
MAX_STATEMENT_LINES = 25
PROMPT = re.compile(r"[ \t]{0,40}>>>(?: |$)")
CONTINUATION = re.compile(r"[ \t]{0,40}\.\.\.(?: |$)")
SESSION_END = re.compile(r"\s*(?:$|>>>|\"\"\"|'''|```|~~~)")
ERROR_LINE = re.compile(r"\s*(?:\w+\.){0,5}([A-Z]\w{2,60})(?::|\s*$)", re.ASCII)
TRACEBACK = re.compile(r"\s*Traceback \(most recent call last\)")

Found = tuple[int, Example]


@dataclass(frozen=True, slots=True)
class Entry:
    """A statement at a prompt, and what is printed below it.

    Attributes:
        source: The statement.
        output: Lines of what it prints.
        first: Index of its first line.
        end: Index of the line after its output.
    """

    source: str
    output: tuple[str, ...]
    first: int
    end: int


def find_session_examples(text: str) -> tuple[list[Found], str]:
    """Examples of all `>>>` sessions, and the text with the sessions blanked out.

    A call without output gives None where the same function's value is shown elsewhere. Where
    none is, the output was just left out, as people mostly do.
    """
    lines = text.split("\n")[:MAX_LINES]
    offsets = line_offsets(lines)
    entries = _read_entries(lines)
    shown = {_function_called(entry) for entry in entries if entry.output}
    found: list[Found] = []
    program = Program()
    for entry in entries:
        is_silent = not entry.output and not _value_follows(lines, entry.end)
        gives_none = is_silent and bool(name := _function_called(entry)) and name in shown
        output = ["None"] if gives_none else list(entry.output)
        example = _session_example(entry.source, output, program)
        if example is not None:
            found.append((offsets[entry.first], example))
        for line in range(entry.first, entry.end):
            offset, length = offsets[line], len(lines[line])
            text = text[:offset] + " " * length + text[offset + length :]
    return found, text


def _read_entries(lines: list[str]) -> list[Entry]:
    entries: list[Entry] = []
    index = 0
    while index < len(lines):
        if not PROMPT.match(lines[index]):
            index += 1
            continue
        first = index
        source, index = _read_statement(lines, index)
        output, index = _read_output(lines, index)
        entries.append(Entry(source, tuple(output), first, index))
    return entries


def _function_called(entry: Entry) -> str:
    """The function whose plain call an entry is; empty for anything else."""
    match parse_statements(entry.source):
        case [ast.Expr(value=ast.Call(func=ast.Name(id=name)))]:
            return name
    return ""


def _value_follows(lines: list[str], index: int) -> bool:
    """Whether a value stands below a gap, as people write who part it from the call."""
    following = next((line.strip() for line in lines[index:] if line.strip()), "")
    return read_literal(following, 0) is not None


def _read_statement(lines: list[str], index: int) -> tuple[str, int]:
    """The statement at a prompt, with its continuation lines, and the line after it."""
    parts = [lines[index].lstrip()[4:]]
    index += 1
    while index < len(lines) and len(parts) < MAX_STATEMENT_LINES:
        if CONTINUATION.match(lines[index]):
            parts.append(lines[index].lstrip()[4:])
        elif parse_statements("\n".join(parts)) is None and not SESSION_END.match(lines[index]):
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
        if SESSION_END.match(lines[index]) and not TRACEBACK.match(lines[index]):
            break
        output.append(lines[index].strip())
        index += 1
    return output, index


def _session_example(source: str, output: list[str], program: Program) -> Example | None:
    """The example in one statement and its output; the statement joins the program."""
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
    if TRACEBACK.match(output[0]):
        errors = [
            match[1]
            for line in output[1:]
            if (match := ERROR_LINE.fullmatch(line) or ERROR_LINE.match(line))
        ]
        return make_example(node, program, None, errors[-1]) if errors else None
    match node:
        case ast.Call(func=ast.Name(id="print"), args=[printed], keywords=[]):
            # What is printed is the text of the value.
            asked = parse_expression(f"str({ast.unparse(printed)})")
            return make_example(asked, program, (shown,)) if asked is not None else None
    return make_example(node, program, parse_value(shown) or parse_value("\\n".join(output)))
