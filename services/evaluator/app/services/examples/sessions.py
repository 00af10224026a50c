"""Finds examples in `>>>` sessions, each with the lines before it that it needs."""

import ast
import doctest
import re
from collections.abc import Iterator

from services.evaluator.app.services.examples.example import Example, Found, line_offsets
from services.evaluator.app.services.examples.literals import (
    parse_expression,
    parse_statements,
    parse_value,
)
from services.evaluator.app.services.examples.program import Program, equality, make_example

MAX_LINES = 400
MAX_STATEMENT_LINES = 25
PROMPT = ">>> "
CONTINUATION = "..."
SESSION_ENDS = (">>>", '"""', "'''", "```", "~~~")
ERROR_LINE = re.compile(r"\s*(?:\w+\.){0,5}([A-Z]\w{2,60})(?::|\s*$)", re.ASCII)
TRACEBACK = "Traceback (most recent call last)"


def find_session_examples(text: str) -> tuple[list[Found], str]:
    """Find examples in all `>>>` sessions; return them, and the text with the sessions blanked out.

    Where no output is shown, it may have been left out.
    """
    lines = text.split("\n")[:MAX_LINES]
    offsets = line_offsets(lines)
    found: list[Found] = []
    program = Program()
    try:
        entries = doctest.DocTestParser().get_examples("\n".join(_as_doctest(lines)))
    except ValueError:  # an option that doctest doesn't have
        return [], text
    for entry in entries:
        example = _session_example(entry.source.strip(), entry.want.splitlines(), program)
        start = offsets[entry.lineno]
        last = entry.lineno + f"{entry.source}{entry.want}".count("\n") - 1
        end = offsets[last] + len(lines[last])
        text = text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]
        found += [(start, example)] if example else []
    return found, text


def _as_doctest(lines: list[str]) -> Iterator[str]:
    """Write sessions as `doctest` has them: at the margin, with dots before lines that go on."""
    statement = ""
    for line in lines:
        bare = line.strip()
        is_long = statement.count("\n") > MAX_STATEMENT_LINES
        if bare.startswith(PROMPT):
            statement = bare.removeprefix(PROMPT)
        elif statement and f"{bare} ".startswith(f"{CONTINUATION} "):
            statement += f"\n{bare[4:]}"
        elif not bare or bare.startswith(SESSION_ENDS) or (statement and bare[:3] == CONTINUATION):
            statement = bare = ""
        elif statement and not is_long and parse_statements(_unbroken(statement)) is None:
            # Without dots, as people write by hand.
            statement += f"\n{bare}"
            bare = f"{CONTINUATION} {bare}"
        else:
            statement = ""
        yield bare


def _unbroken(source: str) -> str:
    """Join lines that were one: in a docstring that is no raw one, `\\n` is the end of a line."""
    joined = "\\n".join(line.strip() for line in source.splitlines())
    return source if parse_statements(source) or not parse_statements(joined) else joined


def _session_example(source: str, output: list[str], program: Program) -> Example | None:
    """Read the example in a statement and its output; add the statement to the program."""
    source = _unbroken(source)
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
