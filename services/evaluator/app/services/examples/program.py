"""Collects the statements before a call, in a session or in shown code, that the call needs."""

import ast
from dataclasses import dataclass, field

from services.evaluator.app.services.code.syntax import (
    names_bound,
    names_missing,
    names_read,
)
from services.evaluator.app.services.examples.example import (
    Example,
    called_function,
    called_names,
)
from services.evaluator.app.services.examples.literals import parse_statements

MAX_SETUP = 10


@dataclass(slots=True)
class Program:
    """The statements of a session so far with the names in each, and the names that they bind."""

    statements: list[tuple[str, set[str]]] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)

    def add(self, source: str, nodes: list[ast.stmt]) -> None:
        """Add statements that were run."""
        binds = names_bound(*nodes)
        names = {one.id for node in nodes for one in ast.walk(node) if isinstance(one, ast.Name)}
        self.statements.append((source, names | binds))
        self.bound |= binds

    def setup_for(self, node: ast.AST) -> tuple[str, ...] | None:
        """Return the statements that an expression depends on; None where they are too many.

        A statement counts where it mentions a name that the expression needs: `s.push(1)`
        before `s.pop()`.
        """
        needed = names_read(node) & self.bound
        kept: list[str] = []
        for source, names in reversed(self.statements):
            if names & needed:
                kept.append(source)
                needed |= names & self.bound
        return tuple(reversed(kept)) if len(kept) <= MAX_SETUP else None


def equality(node: ast.expr) -> tuple[ast.expr, str] | None:
    """Return both sides of `call == value` or `call is value`; None for anything else."""
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
    """Make an example of a call; None where something that it needs isn't there."""
    if expected is None and not expected_error:
        return None
    free = names_missing(ast.unparse(node)) - program.bound
    function = called_function(node)
    if not function or function in program.bound:
        # `s.pop()` or `s()`, where `s` was made before.
        function = ""
        if not names_read(node) & program.bound:
            return None
    elif free - called_names(node):
        return None
    setup = program.setup_for(node)
    if setup is None:
        return None
    return Example(
        function=function or _function_in(setup),
        expression=ast.unparse(node),
        expected=expected[0] if expected else None,  # type: ignore[arg-type]
        setup=setup,
        expected_error=expected_error,
        quoted=quoted,
    )


def _function_in(setup: tuple[str, ...]) -> str:
    """Name the function or class that the setup makes its objects with."""
    for source in setup:
        for statement in parse_statements(source) or []:
            value = getattr(statement, "value", None)
            if isinstance(value, ast.expr) and (name := called_function(value)):
                return name
    return ""
