"""Reads facts off a syntax tree: which names it has, what is a stub, what is annotated. Pure."""

import ast
import builtins
import symtable
from collections.abc import Mapping

BUILTINS = frozenset(dir(builtins))
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def dotted_name(node: ast.expr) -> str:
    """Return the dotted name of an attribute or a name: `a.b.c`; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Map each imported name to its origin: `{"o": "os", "run": "subprocess.run"}`."""
    origins: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origins |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            origins |= {
                alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names
            }
    return origins


def original_name(name: str, origins: Mapping[str, str]) -> str:
    """Resolve a dotted name to the one before `as` and `from`; built-ins to their name alone."""
    first, dot, rest = name.partition(".")
    return f"{origins.get(first, first)}{dot}{rest}".removeprefix("builtins.")


def names_read(code: ast.AST) -> set[str]:
    """Return the names whose values are used somewhere in `code`."""
    return {
        node.id
        for node in ast.walk(code)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)
    }


def names_free(source: str) -> set[str]:
    """Return the names that a program reads and doesn't bind, built-in ones among them."""
    try:
        module = symtable.symtable(source, "<answer>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    read: set[str] = set()
    bound: set[str] = set()
    tables = [module]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if not (symbol.is_global() or table is module):
                continue
            if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
                bound.add(symbol.get_name())
            elif symbol.is_referenced():
                read.add(symbol.get_name())
    return read - bound


def names_missing(source: str) -> set[str]:
    """Return the names that a program reads and neither binds nor finds among the built-in ones."""
    return names_free(source) - BUILTINS


def names_bound(*statements: ast.AST) -> set[str]:
    """Return the names that statements or a module bind, functions' local names excepted."""
    names: set[str] = set()
    pending = list(statements)
    while pending:
        node = pending.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
                continue  # what it binds within is its own
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.alias(name=name, asname=asname):
                names.add(asname or name.partition(".")[0])
        pending.extend(ast.iter_child_nodes(node))
    return names


def method_names(tree: ast.Module) -> set[str]:
    """Return the names of the methods of the module's own classes."""
    return {
        node.name
        for owner in tree.body
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, Function)
    }


def names_in(code: ast.AST) -> list[str]:
    """List every name that the code uses or defines; comments and strings hold none."""
    names: list[str] = []
    for node in ast.walk(code):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                names.append(name)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.alias():
                names.append(node.name)
    return names


def is_stub(definition: Definition) -> bool:
    """Whether a definition's body does nothing; a class with bases is never a stub."""
    if isinstance(definition, ast.ClassDef) and definition.bases:
        return False
    return all(map(_does_nothing, definition.body))


def _does_nothing(node: ast.stmt) -> bool:
    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant()) | ast.Return(value=None):
            return True
        case ast.Return(value=ast.Constant(value=value)):
            return value in (None, ...)
        case ast.Raise(exc=ast.Call(func=raised) | (ast.Name() as raised)):
            return dotted_name(raised) in ("NotImplementedError", "NotImplemented")
    return False


def is_open(definition: Definition) -> bool:
    """Tell whether a body is left to be written, of a function or of a method of a class."""
    return any(isinstance(node, Function) and is_stub(node) for node in ast.walk(definition))


def is_future(node: ast.stmt) -> bool:
    """Tell whether a statement is an import from `__future__`, which goes before all else."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def annotations(function: Function) -> list[tuple[str, bool]]:
    """List each parameter (but self and cls) and `return`, and whether it is annotated."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
    named = [(arg.arg, arg.annotation is not None) for arg in every]
    named = [(name, annotated) for name, annotated in named if name not in ("self", "cls")]
    return [*named, ("return", bool(function.returns) or function.name == "__init__")]


def parameters_of(function: Function) -> set[str]:
    """Return the parameters that a function should use: all but `self`, `cls` and `_unused`."""
    return {name for name, _ in annotations(function)[:-1] if not name.startswith("_")}
