"""Tells whether None may be what a right answer's function gives back."""

import ast
import re

from services.evaluator.app.services.code.syntax import Function

# Requests for an effect, or for None itself.
GIVES_NONE = re.compile(
    r"\bprint(?:s|ed|ing)?\b|\bdisplays?\b|출력|\bNone\b|\bnull\b|\bin[- ]place\b|제자리"
    r"|\bgreet|\bsays?\b|\boutputs?\b"
    r"|\b(?:shuffl|sav|delet|updat|modif|mutat|sleep|wait|logs?\b|draw|shows?\b)|\bwrites? to\b"
    r"|\b(?:write|add|generate|create)\s+(?:[\w-]+\s+){0,2}tests\b",
    re.I,
)
ASKS_FOR_A_VALUE = re.compile(
    r"\breturn|\bgiv(?:es?|ing)\b|\bcomput|\bcalculat|\bcounts?\b|\bfinds?\b|\bconvert|\bwhether\b"
    r"|\b(?:checks?|tells?) if\b|반환|계산|확인|구하",
    re.I,
)
IN_PLACE = re.compile(r"\bin[- ]place\b|제자리", re.I)
RETURNS_IT = re.compile(r"(?<!not )(?<!n't )\breturns?\s+(?:it|the|that|a|an)\b|반환(?!하지)", re.I)
# Methods of Python's own that give None.
GIVING_NONE = frozenset({"sort", "append", "extend", "shuffle"})


def may_give_none(function: Function | None, request: str) -> bool:
    """Tell whether a call may rightly give None.

    A search that finds nothing gives None as well. A function is sure to lack a `return` only
    where it can give nothing else, and wasn't asked for an effect; one that works by effects
    lacks none where no value is asked for.
    """
    return (
        function is None
        or gives_a_value(function)
        or GIVES_NONE.search(request) is not None
        or (works_by_effects(function) and not ASKS_FOR_A_VALUE.search(request))
    )


def changes_its_argument(request: str) -> bool:
    """Tell whether what is asked for works in place and needn't return anything."""
    return IN_PLACE.search(request) is not None and RETURNS_IT.search(request) is None


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


def works_by_effects(function: Function) -> bool:
    """Tell whether a function changes or calls what isn't its own, `print` aside, or refuses."""
    nodes = list(ast.walk(function))
    own = {"print"}
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.List() | ast.Dict() | ast.Set()):
                own.add(name)
    return any(_is_effect(node, own) for node in nodes)


def _is_effect(node: ast.AST, own: set[str]) -> bool:
    match node:
        case ast.Expr(value=ast.Call(func=changed)):
            pass
        case (
            ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del())
        ):
            changed = node
        case _:
            return isinstance(node, ast.Global | ast.Raise | ast.Assert)
    while isinstance(changed, ast.Attribute | ast.Subscript):
        changed = changed.value
    return not (isinstance(changed, ast.Name) and changed.id in own)
