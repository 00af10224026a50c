"""Joins an answer that is only a body to the signature that its request leaves open. Pure."""

import ast
import textwrap
from collections.abc import Iterator
from copy import copy

from services.common.answers.markdown import find_fenced_blocks
from services.evaluator.app.services.code.reading import ExtractedCode, parse_python
from services.evaluator.app.services.code.syntax import (
    Definition,
    Function,
    is_stub,
    names_read,
    parameters_of,
)
from services.evaluator.app.services.request import RequestFacts

INDENTATION = "    "


def complete(answer: str, request: RequestFacts) -> ExtractedCode | None:
    """Return the definition that an answer completes; None where it is no body of one."""
    signature = _open_signature(request)
    if not signature:
        return None
    blocks = find_fenced_blocks(answer)
    body = max((block.text for block in blocks), key=len) if blocks else answer
    for indented in _readings(body.strip("\n").rstrip()):
        inner = textwrap.indent(indented, INDENTATION * (len(signature) - 1))
        source = "\n".join((*signature, inner, ""))
        tree, _ = parse_python(source)
        if tree is not None and _completes(tree):
            return ExtractedCode(source, "python", tree, "")
    return None


def _readings(body: str) -> Iterator[str]:
    """Yield a body at the depth of a function's: as it stands, moved, or with its first line moved.

    The first line may have lost its indentation with the blanks around the answer.
    """
    if body[:1] in (" ", "\t"):
        yield body
    yield textwrap.indent(textwrap.dedent(body), INDENTATION)
    yield textwrap.indent(textwrap.dedent(f"{INDENTATION}{body}"), INDENTATION)


def _open_signature(request: RequestFacts) -> tuple[str, ...]:
    """Write the lines above the missing body, a method's class among them; none without one."""
    found: list[tuple[str, ...]] = []
    for statement in request.code:
        if isinstance(statement, Function) and is_stub(statement):
            found.append((_header(statement),))
        elif isinstance(statement, ast.ClassDef):
            stubs = [
                node for node in statement.body if isinstance(node, Function) and is_stub(node)
            ]
            if len(stubs) == 1:
                method = textwrap.indent(_header(stubs[0]), INDENTATION)
                found.append((_header(statement), method))
    named = [one for one in found if f"def {request.name}(" in one[-1]]
    return (named or found)[-1] if found else ()


def _header(definition: Definition) -> str:
    """Write a definition without its body."""
    header = copy(definition)
    header.body = []
    return ast.unparse(header).strip()


def _completes(tree: ast.Module) -> bool:
    """Whether the function of a program gives a value, or works on what it is given."""
    function = next(node for node in ast.walk(tree) if isinstance(node, Function))
    return not parameters_of(function).isdisjoint(names_read(function)) or any(
        isinstance(node, ast.Return | ast.Yield) for node in ast.walk(function)
    )
