"""Examples in `>>>` sessions and in code that a request shows: what stands before a line counts."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from services.evaluator.app.services.request_examples_source import (
    BUILTINS,
    Example,
    called_function,
    called_names,
    names_of,
    parse_expression,
    parse_statements,
    parse_value,
    quote,
    read_literal,
)

MAX_LINES = 400
MAX_LINE_CHARACTERS = 300
MAX_STATEMENT_LINES = 25
MAX_SETUP = 10
PROMPT = re.compile(r"[ \t]{0,40}>>>(?: |$)")
CONTINUATION = re.compile(r"[ \t]{0,40}\.\.\.(?: |$)")
SESSION_END = re.compile(r"\s*(?:$|>>>|\"\"\"|'''|```|~~~)")
ERROR_LINE = re.compile(r"\s*(?:\w+\.){0,5}([A-Z]\w{2,60})(?::|\s*$)", re.ASCII)
TRACEBACK = re.compile(r"\s*Traceback \(most recent call last\)")
# What a comment behind a line of code says of its value.
COMMENT = re.compile(
    r"[ \t]*(?:#|//)[ \t]*(?:={1,2}>|-{1,2}>|→|➞|⇒|==)?[ \t]*"
    r"(?:(?:should[ \t]+)?(?:returns?|gives?|be|is|outputs?|result|expected|expect|"
    r"반환|출력|결과)[ \t]*:?[ \t]*)?",
    re.I,
)
COMMENT_END = re.compile(r"[ \t]*(?:$|[(#;.,–—-])|[ \t]+(?:since|because|as)\b")
FENCE = re.compile(r"[ \t]{0,40}(?:```|~~~)")

Found = tuple[int, Example]


@dataclass(slots=True)
class Program:
    """The statements of a session so far, and the names that they bind."""

    statements: list[str] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)

    def add(self, source: str, nodes: list[ast.stmt]) -> None:
        """Take a statement that was run."""
        self.statements.append(source)
        for node in nodes:
            self.bound |= _names_bound(node)

    def setup_for(self, node: ast.AST) -> tuple[str, ...] | None:
        """The statements that an expression depends on; None where they are too many.

        A statement counts where it mentions a name that the expression needs: `s.push(1)`
        before `s.pop()`.
        """
        needed = names_of(node) & self.bound
        kept: list[str] = []
        for source in reversed(self.statements if needed else []):
            nodes = parse_statements(source) or []
            mentioned = {
                inner.id
                for statement in nodes
                for inner in ast.walk(statement)
                if isinstance(inner, ast.Name)
            } | {name for statement in nodes for name in _names_bound(statement)}
            if mentioned & needed:
                kept.append(source)
                needed |= mentioned & self.bound
        return tuple(reversed(kept)) if len(kept) <= MAX_SETUP else None


def _names_bound(node: ast.stmt) -> set[str]:
    names = {
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    }
    if isinstance(node, ast.Import | ast.ImportFrom):
        names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        names.add(node.name)
    return names


def find_session_examples(text: str) -> tuple[list[Found], str]:
    """Examples of all `>>>` sessions, and the text with the sessions blanked out.

    A call without output is taken for setup and not for one that gives None: most of those
    that people write just leave the output out.
    """
    lines = text.split("\n")[:MAX_LINES]
    offsets = _offsets(lines)
    found: list[Found] = []
    program = Program()
    index = 0
    while index < len(lines):
        if not PROMPT.match(lines[index]):
            index += 1
            continue
        start = index
        source, index = _read_statement(lines, index)
        output, index = _read_output(lines, index)
        example = _session_example(source, output, program)
        if example is not None:
            found.append((offsets[start], example))
        for line in range(start, index):
            offset, length = offsets[line], len(lines[line])
            text = text[:offset] + " " * length + text[offset + length :]
    return found, text


def _offsets(lines: list[str]) -> list[int]:
    offsets, position = [], 0
    for line in lines:
        offsets.append(position)
        position += len(line) + 1
    return offsets


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
            ):
                break
            parts.append(lines[index].strip())
        else:
            break
        index += 1
    return "\n".join(parts).strip(), index


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
    return make_example(node, program, parse_value(shown))


def equality(node: ast.expr) -> tuple[ast.expr, str] | None:
    """Both sides of `call == value`, also written `call is value`; None for anything else."""
    match node:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]):
            return left, ast.unparse(right)
    return None


def make_example(
    node: ast.expr,
    program: Program,
    expected: tuple[object, ...] | None,
    expected_error: str = "",
    quoted: str = "",
) -> Example | None:
    """An example of a call, if all that it needs is there."""
    if expected is None and not expected_error:
        return None
    free = names_of(node) - BUILTINS - program.bound
    function = called_function(node)
    if not function:
        # `s.pop()`, where `s` was made before.
        rooted = _root_name(node)
        if rooted not in program.bound:
            return None
    elif free - called_names(node):
        return None
    setup = program.setup_for(node)
    if setup is None:
        return None
    source = ast.unparse(node)
    shown = expected_error or repr(expected[0] if expected else None)
    return Example(
        function=function or _function_in(setup),
        expression=source,
        expected=expected[0] if expected else None,  # type: ignore[arg-type]
        setup=setup,
        expected_error=expected_error,
        quoted=quoted or quote(f"{source} gives {shown}", 0, 400),
    )


def _root_name(node: ast.expr) -> str:
    while not isinstance(node, ast.Name):
        match node:
            case ast.Call(func=ast.Name(), args=[first, *_]):
                node = first
            case ast.Call(func=inner) | ast.Attribute(value=inner) | ast.Subscript(value=inner):
                node = inner
            case _:
                return ""
    return node.id


def _function_in(setup: tuple[str, ...]) -> str:
    """What the setup makes its objects with."""
    for source in setup:
        for statement in parse_statements(source) or []:
            value = getattr(statement, "value", None)
            if isinstance(value, ast.expr) and (name := called_function(value)):
                return name
    return ""


def find_code_examples(text: str) -> list[Found]:
    """Examples in code that is shown: assertions, and lines with their value in a comment."""
    lines = text.split("\n")[:MAX_LINES]
    offsets = _offsets(lines)
    found: list[Found] = []
    for start, end in _code_runs(lines):
        found += [(offsets[start], example) for example in _program_examples(lines[start:end])]
    return found


def _code_runs(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Stretches of lines that are simple statements, one a line."""
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
        case ast.Assert(test=ast.UnaryOp(op=ast.Not(), operand=ast.Call() as call)):
            asked = parse_expression(f"bool({ast.unparse(call)})")
            return make_example(asked, program, (False,), quoted=quoted) if asked else None
        case ast.Assert(test=ast.Call() as call):
            asked = parse_expression(f"bool({ast.unparse(call)})")
            return make_example(asked, program, (True,), quoted=quoted) if asked else None
        case ast.Expr(value=ast.Call() | ast.Name() as value):
            return make_example(value, program, _value_in_comment(node, line), quoted=quoted)
    return None


def _value_in_comment(node: ast.stmt, line: str) -> tuple[object] | None:
    """The value that the comment behind a statement gives, where it gives just that."""
    # Columns are counted in bytes of UTF-8.
    encoded = line.encode()
    behind = encoded[node.end_col_offset or len(encoded) :].decode("utf-8", "replace")
    opening = COMMENT.match(behind)
    literal = read_literal(behind, opening.end(), loose=True) if opening else None
    if literal is None or not COMMENT_END.match(behind, literal.end):
        return None
    return (literal.value,)
