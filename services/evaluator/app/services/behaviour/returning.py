"""Tells whether None may be what a right answer's function gives back."""

import ast
import re

from services.evaluator.app.services.code.syntax import Function, names_read, parameters_of

# Requests for an effect, or for None itself.
GIVES_NONE = re.compile(
    r"\bprint(?:s|ed|ing)?\b|\bdisplays?\b|출력|\bNone\b|\bnull\b|\bin[- ]place\b|제자리"
    r"|\b(?:shuffl|sav|delet|updat|modif|mutat|sleep|wait|logs?\b|draw|shows?\b)|\bwrites? to\b",
    re.I,
)
# Methods of Python's own that give None.
GIVING_NONE = frozenset({"sort", "append", "extend", "shuffle"})


def may_give_none(function: Function | None, request: str) -> bool:
    """Tell whether a call may rightly give None.

    A search that finds nothing gives None as well. A function is sure to lack a `return` only
    where it can give nothing else, changes nothing that it is given, and wasn't asked for an
    effect.
    """
    return (
        function is None
        or gives_a_value(function)
        or works_in_place(function)
        or GIVES_NONE.search(request) is not None
    )


def gives_a_value(function: Function) -> bool:
    """Tell whether a function yields, or returns anything that may be other than None."""
    return any(
        isinstance(node, ast.Yield | ast.YieldFrom)
        or (isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value))
        for node in ast.walk(function)
    )


def _is_none(value: ast.expr) -> bool:
    match value:
        case ast.Constant(value=None) | ast.Call(func=ast.Name(id="print")):
            return True
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in GIVING_NONE
    return False


def works_in_place(function: Function) -> bool:
    """Tell whether a function changes its arguments, or passes them to one that may."""
    given = parameters_of(function)
    for node in ast.walk(function):
        match node:
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()) if (
                name in given
            ):
                return True
            case ast.Expr(ast.Call(func=ast.Attribute(value=ast.Name(id=name)))) if name in given:
                return True
            case ast.Expr(ast.Call(func=ast.Name(id=called), args=arguments)) if (
                called != "print" and any(names_read(one) & given for one in arguments)
            ):
                return True
    return False
