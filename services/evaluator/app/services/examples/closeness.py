"""Reads assertions of closeness: `abs(f(2) - 1.41) < 0.01`, `isclose`, `approx`."""

import ast
from dataclasses import dataclass

from services.evaluator.app.services.examples.literals import literal_value


@dataclass(frozen=True, slots=True)
class Approximate:
    """A call, the number that it should come to, and how far off that may be."""

    call: ast.expr
    value: float
    tolerance: float


def read_approximate(test: ast.expr) -> Approximate | None:
    """Read a test that allows a number to be off; None where it is another test."""
    match test:
        case ast.Compare(
            left=ast.Call(
                func=ast.Name(id="abs"), args=[ast.BinOp(left=call, op=ast.Sub(), right=value)]
            ),
            ops=[ast.Lt() | ast.LtE()],
            comparators=[most],
        ):
            return _read(call, value, absolute=_number(most))
        case ast.Call(
            func=ast.Name(id="isclose") | ast.Attribute(attr="isclose"),
            args=[call, value],
            keywords=keywords,
        ):
            return _with_keywords(call, value, keywords, "rel_tol", "abs_tol")
        case ast.Compare(
            left=call,
            ops=[ast.Eq()],
            comparators=[
                ast.Call(
                    func=ast.Name(id="approx") | ast.Attribute(attr="approx"),
                    args=[value],
                    keywords=keywords,
                )
            ],
        ):
            return _with_keywords(call, value, keywords, "rel", "abs")
    return None


def _with_keywords(
    call: ast.expr, value: ast.expr, keywords: list[ast.keyword], relative: str, absolute: str
) -> Approximate | None:
    given = {keyword.arg: _number(keyword.value) for keyword in keywords}
    if given.keys() - {relative, absolute} or None in given.values():
        return None
    return _read(
        call, value, relative=given.get(relative) or 0.0, absolute=given.get(absolute) or 0.0
    )


def _read(
    call: ast.expr, value: ast.expr, *, absolute: float | None, relative: float = 0.0
) -> Approximate | None:
    number = _number(value)
    if not isinstance(call, ast.Call) or number is None or absolute is None:
        return None
    return Approximate(call, number, max(absolute, relative * abs(number)))


def _number(node: ast.expr) -> float | None:
    try:
        number = literal_value(node)
    except ValueError:
        return None
    return number if isinstance(number, int | float) and not isinstance(number, bool) else None
