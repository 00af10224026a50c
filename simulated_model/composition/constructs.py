"""Rewrites Python code to contain demanded constructs, sensible or not."""

import ast
import re
from collections.abc import Callable, Iterator

from simulated_model.composition.python import (
    Function,
    main_definition,
    outer_functions,
    replace_bodies,
    replace_names,
)

LETTERS = "abcdefghijklmnopqrstuvwxyz"
# What `eval` can't see through: scopes of their own, and quotes within quotes.
NOT_FOR_EVAL = (
    ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda | ast.JoinedStr
    | ast.Yield | ast.Await | ast.NamedExpr
)  # fmt: skip


def add_constructs(code: str, constructs: tuple[str, ...]) -> str:
    """Give `code` each construct, in the order demanded, a syntax error last."""
    for name in sorted(constructs, key=lambda name: name == "syntax_error"):
        code = REWRITES[name](code)
    return code


def _use_eval(code: str) -> str:
    def write(value: ast.expr) -> ast.expr:
        if any(isinstance(node, NOT_FOR_EVAL) for node in ast.walk(value)):
            return value
        return _call("eval", ast.Constant(ast.unparse(value)))

    rewritten = _replace_returns(code, write)
    is_used = rewritten != ast.unparse(ast.parse(code))
    return rewritten if is_used else _prepend(code, 'eval("None")')


def _prepend(code: str, text: str) -> str:
    """Put statements before what each outermost function or method does."""
    return replace_bodies(code, lambda body: [*ast.parse(text).body, *body])


def _replace_returns(code: str, write: Callable[[ast.expr], ast.expr | None]) -> str:
    tree = ast.parse(code)
    for statement in _returns(tree):
        if statement.value is not None:
            statement.value = write(statement.value)
    return ast.unparse(tree)


def _returns(tree: ast.Module) -> Iterator[ast.Return]:
    """Yield the return statements of the outermost functions, without those of inner ones."""
    pending: list[ast.AST] = list(outer_functions(tree))
    while pending:
        for child in ast.iter_child_nodes(pending.pop()):
            if isinstance(child, ast.Return):
                yield child
            elif not isinstance(child, Function | ast.ClassDef | ast.Lambda):
                pending.append(child)


def _call(name: str, argument: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name), [argument], [])


def _use_single_letters(code: str) -> str:
    nodes = list(ast.walk(ast.parse(code)))
    fixed = {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}
    for node in nodes:
        if isinstance(node, ast.Global | ast.Nonlocal):
            fixed.update(node.names)
    words: list[str] = []
    for node in nodes:
        if isinstance(node, ast.arg):
            words.append(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            words.append(node.id)
    used = {node.id for node in nodes if isinstance(node, ast.Name)} | set(words)
    free = (letter for letter in LETTERS if letter not in used)
    renamed = [w for w in dict.fromkeys(words) if len(w) > 1 and w not in fixed | {"self", "cls"}]
    return replace_names(code, dict(zip(renamed, free, strict=False)))


def _use_try_except(code: str) -> str:
    def write(body: list[ast.stmt]) -> list[ast.stmt]:
        handler = ast.ExceptHandler(ast.Name("Exception"), None, [ast.Pass()])
        return [ast.Try(body or [ast.Pass()], [handler], [], [])]

    return replace_bodies(code, write)


def _use_class(code: str) -> str:
    main = main_definition(code)
    if main is None or isinstance(main, ast.ClassDef):
        return code
    method = (
        f"    def {main.name}(self, *args, **kwargs):\n        return {main.name}(*args, **kwargs)"
    )
    return f"{code}\n\n\nclass Solution:\n{method}"


def _use_recursion(code: str) -> str:
    main = main_definition(code)
    calls = (node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))
    if main is not None and any(isinstance(f, ast.Name) and f.id == main.name for f in calls):
        return code
    return f"# A loop does this without recursion.\n{code}"


def _break_syntax(code: str) -> str:
    return re.sub(r":[ \t]*$", "", code, count=1, flags=re.M)


def _plant_bug(code: str) -> str:
    """Make the first number one larger, or where there is none, lose the results."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) is int:
            node.value += 1
            return ast.unparse(tree)
    return _replace_returns(code, lambda _: None)


REWRITES: dict[str, Callable[[str], str]] = {
    "eval": _use_eval,
    "exec": lambda code: _prepend(code, 'exec("pass")'),
    "global": lambda code: _prepend(code, "global last_call; last_call = True"),
    "print": lambda code: _replace_returns(code, lambda value: _call("print", value)),
    "no_return": lambda code: _replace_returns(code, lambda _: None),
    "single_letters": _use_single_letters,
    "try_except": _use_try_except,
    "class": _use_class,
    "recursion": _use_recursion,
    "bug": _plant_bug,
    "syntax_error": _break_syntax,
}
