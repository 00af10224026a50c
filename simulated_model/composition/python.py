"""Rewrites a known Python solution: its name, docstrings, type hints, bodies."""

import ast
import builtins
import keyword
from collections.abc import Callable, Iterator
from functools import lru_cache

from typing_extensions import override

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef

CACHED_SOURCES = 512


def main_definition(code: str) -> Definition | None:
    """Return the first function or class of `code`."""
    return next((node for node in ast.parse(code).body if isinstance(node, Definition)), None)


@lru_cache(maxsize=CACHED_SOURCES)
def strip_docstrings(code: str) -> str:
    """Drop every docstring; a body that was nothing else becomes `pass`."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, Definition | ast.Module) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


@lru_cache(maxsize=CACHED_SOURCES)
def strip_type_hints(code: str) -> str:
    """Drop annotations of functions and their variables, and the imports only they needed.

    A class's own fields keep theirs: without them a dataclass would have no fields.
    """
    tree = _HintStripper().visit(ast.parse(code))
    _drop_unused_imports(tree)
    return ast.unparse(tree)


class _HintStripper(ast.NodeTransformer):
    @override
    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, Function):
            node.returns = None
        elif isinstance(node, ast.ClassDef):
            node.body = [s if isinstance(s, ast.AnnAssign) else self.visit(s) for s in node.body]
            return node
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            return ast.Assign(targets=[node.target], value=node.value, lineno=node.lineno)
        return super().generic_visit(node)


def _drop_unused_imports(tree: ast.Module) -> None:
    """Drop `from ... import ...` names that the rest of the code never uses."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in list(tree.body):
        if isinstance(node, ast.ImportFrom):
            node.names = [alias for alias in node.names if (alias.asname or alias.name) in used]
            if not node.names:
                tree.body.remove(node)


def rename_main(code: str, name: str) -> str:
    """Give the main definition another name, recursive calls included.

    A builtin of that name that the code calls is reached through `builtins` from then on; an
    own identifier of that name gets an underscore.
    """
    main = main_definition(code)
    if main is None or main.name == name or not is_valid_name(name):
        return code
    names = {main.name: name}
    bound, loaded = _names_in(code)
    if name in bound:
        names[name] = f"{name}_"
    elif hasattr(builtins, name) and name in loaded:
        names[name] = f"builtins.{name}"
        code = f"import builtins\n{code}"
    return replace_names(code, names)


def replace_names(code: str, names: dict[str, str]) -> str:
    """Rename identifiers wherever they stand as variable, parameter or definition."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = names.get(node.arg, node.arg)
        elif isinstance(node, Definition):
            node.name = names.get(node.name, node.name)
    return ast.unparse(tree)


def is_valid_name(name: str) -> bool:
    """Whether a function or class may have this name."""
    return name.isascii() and name.isidentifier() and not keyword.iskeyword(name)


def replace_bodies(code: str, write: Callable[[list[ast.stmt]], list[ast.stmt]]) -> str:
    """Replace what every outermost function or method does; docstrings are kept."""
    tree = ast.parse(code)
    for function in outer_functions(tree):
        after = int(ast.get_docstring(function) is not None)
        function.body[after:] = write(function.body[after:])
    _drop_unused_imports(tree)
    return ast.unparse(tree)


def outer_functions(node: ast.Module | ast.ClassDef) -> Iterator[Function]:
    """Yield the functions and methods that stand in no other function."""
    for child in node.body:
        if isinstance(child, ast.ClassDef):
            yield from outer_functions(child)
        elif isinstance(child, Function):
            yield child


def _names_in(code: str) -> tuple[set[str], set[str]]:
    """Collect the names that code binds, and those that it reads."""
    bound, loaded = set[str](), set[str]()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name):
            (loaded if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, Definition):
            bound.add(node.name)
    return bound, loaded
