"""Rewrites Python code to contain demanded constructs, sensible or not."""

import ast
import re
import textwrap
from collections.abc import Callable, Iterator

from simulated_model.composition.python import (
    Edit,
    Function,
    PythonSource,
    apply_edits,
    body_of,
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
    source = PythonSource(code)
    edits: list[Edit] = []
    for statement in _returns(source):
        value = statement.value
        if value is None or any(isinstance(node, NOT_FOR_EVAL) for node in ast.walk(value)):
            continue
        edits.append((source.start(value), source.end(value), f"eval({ast.unparse(value)!r})"))
    return apply_edits(code, edits) if edits else _prepend(code, 'eval("None")')


def _prepend(code: str, *statements: str) -> str:
    """Put statements before the body of the first function or method."""
    source = PythonSource(code)
    for function in outer_functions(source.tree):
        if body := body_of(function):
            indent = "\n" + " " * body[0].col_offset
            text = "".join(statement + indent for statement in statements)
            return apply_edits(code, [(source.start(body[0]), source.start(body[0]), text)])
    return code


def _replace_returns(code: str, write: Callable[[str], str]) -> str:
    source = PythonSource(code)
    edits: list[Edit] = []
    for statement in _returns(source):
        if statement.value is not None:
            value = code[source.start(statement.value) : source.end(statement.value)]
            edits.append((source.start(statement), source.end(statement), write(value)))
    return apply_edits(code, edits)


def _returns(source: PythonSource) -> Iterator[ast.Return]:
    """Yield the return statements of the outermost functions, without those of inner ones."""
    pending: list[ast.AST] = list(outer_functions(source.tree))
    while pending:
        for child in ast.iter_child_nodes(pending.pop()):
            if isinstance(child, ast.Return):
                yield child
            elif not isinstance(child, Function | ast.ClassDef | ast.Lambda):
                pending.append(child)


def _use_single_letters(code: str) -> str:
    source = PythonSource(code)
    nodes = list(ast.walk(source.tree))
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
    source = PythonSource(code)
    bodies: list[str] = []
    for function in outer_functions(source.tree):
        body = body_of(function)
        begin = code.rfind("\n", 0, source.start(body[0])) + 1 if body else 0
        bodies.append(textwrap.dedent(code[begin : source.end(function)]) if body else "pass")
    remaining = iter(bodies)

    def write_body(indent: str) -> str:
        body = textwrap.indent(next(remaining), indent + "    ")
        return f"{indent}try:\n{body}\n{indent}except Exception:\n{indent}    pass"

    return replace_bodies(code, write_body)


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
    source = PythonSource(code)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return apply_edits(code, [(source.start(node), source.end(node), str(node.value + 1))])
    return _replace_returns(code, lambda _: "return None")


REWRITES: dict[str, Callable[[str], str]] = {
    "eval": _use_eval,
    "exec": lambda code: _prepend(code, 'exec("pass")'),
    "global": lambda code: _prepend(code, "global last_call", "last_call = True"),
    "print": lambda code: _replace_returns(code, lambda value: f"return print({value})"),
    "no_return": lambda code: _replace_returns(code, lambda _: "return"),
    "single_letters": _use_single_letters,
    "try_except": _use_try_except,
    "class": _use_class,
    "recursion": _use_recursion,
    "bug": _plant_bug,
    "syntax_error": _break_syntax,
}
