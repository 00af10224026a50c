"""Checks of golden inputs: calls, written as Python, with the values that a right answer gives."""

import ast
import builtins
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Each may take two steps of a run's 24; the rest is for the request's own examples.
MAX_CALLS = 10
BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A call and what it must come to.

    Attributes:
        name: Stands for the answer's own function; for its class where it begins with a capital.
        setup: Statements that go before the call.
        expression: Source of the call.
        expected: The value that it must come to.
        expected_error: Class name of the exception that it must raise; empty for a value.
    """

    name: str
    setup: str
    expression: str
    expected: Any = None
    expected_error: str = ""


# One call for each reading of the request; an answer keeps to one reading in all checks.
Check = tuple[CheckedCall, ...]


def read_checks(entries: object) -> tuple[Check, ...]:
    """Read the checks of one golden input.

    Raises:
        ValueError: If one can't be used; the message says which, and why.
    """
    if not isinstance(entries, list | tuple):
        raise ValueError("checks must be a list")
    checks = []
    for number, entry in enumerate(entries, 1):
        texts = entry if isinstance(entry, list) else [entry]
        if not texts or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"check {number} must be a text, or a list of texts")
        checks.append(tuple(_read_call(text, number) for text in texts))
    if len({len(check) for check in checks} - {1}) > 1:
        raise ValueError("checks that are lists must all have one text for each reading")
    if count_readings(checks) * len(checks) > MAX_CALLS:
        raise ValueError(f"there may be {MAX_CALLS} calls at most, each reading counted")
    return tuple(checks)


def count_readings(checks: Sequence[Check]) -> int:
    """Count the readings of the request that an answer may keep to."""
    return max((len(check) for check in checks), default=0)


def _read_call(text: str, number: int) -> CheckedCall:
    body, _, error = text.rpartition(" raises ")
    is_error = isinstance(getattr(builtins, error, None), type)
    try:
        *setup, last = ast.parse(body if is_error else text).body
        match last:
            case ast.Expr(ast.Compare(left=call, ops=[ast.Eq()], comparators=[value])):
                expected = ast.literal_eval(value)
            case ast.Expr(ast.Call() as call) if is_error:
                expected = None
            case _:
                raise ValueError
    except (SyntaxError, TypeError, ValueError, RecursionError):
        raise ValueError(
            f"check {number} is neither `call == literal` nor `call raises Error`"
        ) from None
    statements = [*setup, ast.Expr(call)]
    return CheckedCall(
        name=_name_called(statements, number),
        setup="\n".join(map(ast.unparse, setup)),
        expression=ast.unparse(call),
        expected=expected,
        expected_error=error if is_error else "",
    )


def _name_called(statements: list[ast.stmt], number: int) -> str:
    """Find the one name that the statements call and don't bind."""
    nodes = [node for statement in statements for node in ast.walk(statement)]
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)} | BUILTINS
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    free = {node.id for node in names} - bound
    called = {
        node.func.id
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    if len(free) != 1 or not free <= called:
        raise ValueError(f"check {number} must call one function or class of the answer")
    return free.pop()
