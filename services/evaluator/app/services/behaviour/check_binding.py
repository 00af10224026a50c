"""Binds the checks of a golden input to the function or class that an answer defines."""

import ast

from services.common.task_types.checks import CheckedCall
from services.evaluator.app.services.behaviour.target import Target, method_of
from services.evaluator.app.services.examples.literals import parse_expression


def bind_check(check: CheckedCall, target: Target) -> tuple[str, ...]:
    """Write the steps that try a check on an answer; none where the answer can't be called so."""
    target = target.named(check.name)
    is_class = isinstance(target.definition, ast.ClassDef)
    callee = parse_expression(target.call)
    if callee is None or check.name[0].isupper() != is_class:
        return ()
    keywords = target.needs_keywords
    setup, expression = ast.parse(check.setup), ast.parse(check.expression, mode="eval")
    for node in (*ast.walk(setup), *ast.walk(expression)):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name == check.name:
                count = len(node.args) - len(keywords)
                if node.keywords or not target.takes(count, by_name=len(keywords)):
                    return ()
                node.func = callee
                by_name = zip(keywords, node.args[count:], strict=True)
                node.keywords = [ast.keyword(one.arg, value) for one, value in by_name]
                del node.args[count:]
    if isinstance(expression.body, ast.Attribute) and isinstance(target.definition, ast.ClassDef):
        getter = f"get_{expression.body.attr}"
        if method_of(target.definition, getter):
            expression.body.attr = getter
    source = await_calls(ast.unparse(expression), target)
    if isinstance(expression.body, ast.Attribute):
        # What a class names may be an attribute or a method.
        source = f"(lambda value: value() if callable(value) else value)({source})"
    if isinstance(check.expected, bool):
        # Whether something is so can be said by a value's truth.
        source = f"bool({source})"
    return (ast.unparse(setup), source) if check.setup else (source,)


def await_calls(source: str, target: Target) -> str:
    """Write an expression so that it awaits each call of a target that is a coroutine.

    What awaits or runs coroutines by itself stays as it is.
    """
    if not isinstance(target.definition, ast.AsyncFunctionDef) or any(
        isinstance(node, ast.Yield) for node in ast.walk(target.definition)
    ):
        return source
    tree = parse_expression(source)
    if tree is None or any(
        isinstance(node, ast.Await | ast.Lambda)
        or (isinstance(node, ast.Name) and node.id == "asyncio")
        for node in ast.walk(tree)
    ):
        return source
    return ast.unparse(_Awaiting(target.call).visit(tree))


class _Awaiting(ast.NodeTransformer):
    def __init__(self, call: str) -> None:
        self._call = call

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        return ast.Await(node) if ast.unparse(node.func) == self._call else node
