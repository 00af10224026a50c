"""Rewrites a known Python solution: its name, docstrings, type hints, bodies."""

import ast
import builtins
import keyword
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
Edit = tuple[int, int, str]

CACHED_SOURCES = 512


class PythonSource:
    """A parsed source, and the character offsets of its nodes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def offset(self, line: int, byte_column: int) -> int:
        """Return the character offset of a line, from 1, and a column in UTF-8 bytes."""
        prefix = self._lines[line - 1].encode()[:byte_column].decode()
        return self._starts[line - 1] + len(prefix)

    def start(self, node: ast.expr | ast.stmt | ast.arg) -> int:
        """Return the offset where a node begins, its decorators included."""
        if isinstance(node, Definition) and node.decorator_list:
            return self.start(node.decorator_list[0]) - len("@")
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.arg) -> int:
        """Return the offset where a node ends."""
        return self.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def line_start(self, line: int) -> int:
        """Return the offset where a line begins; lines count from 1."""
        return self._starts[line - 1]

    def definitions(self) -> Iterator[Definition]:
        """Yield every function and class, nested ones too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Definition))


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Replace spans of `text`, given as (start, end, replacement), none overlapping another."""
    for start, end, replacement in sorted(edits, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text


def main_definition(code: str) -> Definition | None:
    """Return the first function or class of `code`."""
    return next((node for node in ast.parse(code).body if isinstance(node, Definition)), None)


@lru_cache(maxsize=CACHED_SOURCES)
def strip_docstrings(code: str) -> str:
    """Drop every docstring; a body that was nothing else becomes `pass`."""
    source = PythonSource(code)
    edits: list[Edit] = []
    for node in [source.tree, *source.definitions()]:
        if ast.get_docstring(node, clean=False) is None:
            continue
        docstring = node.body[0]
        if len(node.body) == 1 and not isinstance(node, ast.Module):
            edits.append((source.start(docstring), source.end(docstring), "pass"))
            continue
        begin = source.line_start(docstring.lineno)
        if code[begin : source.start(docstring)].strip():
            continue  # the definition stands on one line
        end = source.end(docstring)
        rest = code[end:]
        edits.append((begin, end + len(rest) - len(rest.lstrip("\r\n")), ""))
    return apply_edits(code, edits).strip("\n")


@lru_cache(maxsize=CACHED_SOURCES)
def strip_type_hints(code: str) -> str:
    """Drop annotations of functions and their variables, and the imports only they needed.

    A class's own fields keep theirs: without them a dataclass would have no fields.
    """
    source = PythonSource(code)
    fields = {
        id(statement)
        for node in source.definitions()
        if isinstance(node, ast.ClassDef)
        for statement in node.body
    }
    edits: list[Edit] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            begin = source.start(node) + len(node.arg)
            edits.append((begin, source.end(node.annotation), ""))
        elif isinstance(node, Function) and node.returns is not None:
            arrow = code.rindex("->", 0, source.start(node.returns))
            begin = len(code[:arrow].rstrip())
            edits.append((begin, source.end(node.returns), ""))
        elif isinstance(node, ast.AnnAssign) and node.value is not None and id(node) not in fields:
            edits.append((source.end(node.target), source.end(node.annotation), ""))
    return drop_unused_imports(apply_edits(code, edits))


def drop_unused_imports(code: str) -> str:
    """Drop `from ... import ...` names that the rest of `code` never uses."""
    source = PythonSource(code)
    used = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
    edits: list[Edit] = []
    for node in source.tree.body:
        if not isinstance(node, ast.ImportFrom):
            continue
        kept = [alias for alias in node.names if (alias.asname or alias.name) in used]
        if len(kept) == len(node.names):
            continue
        if kept:
            names = ", ".join(ast.unparse(alias) for alias in kept)
            replacement = f"from {'.' * node.level}{node.module or ''} import {names}"
            edits.append((source.start(node), source.end(node), replacement))
        else:
            edits.append((source.start(node), source.end(node) + 1, ""))
    return apply_edits(code, edits).lstrip("\n")


def rename_main(code: str, name: str) -> str:
    """Give the main definition another name, recursive calls included.

    A builtin of that name that the code calls is reached through `builtins` from then on; an
    own identifier of that name gets an underscore.
    """
    main = main_definition(code)
    if main is None or main.name == name or not is_valid_name(name):
        return code
    names = {main.name: name}
    source = PythonSource(code)
    if name in set(_bound_names(source.tree)):
        names[name] = f"{name}_"
    elif hasattr(builtins, name) and name in _loaded_names(source.tree):
        names[name] = f"builtins.{name}"
    renamed = replace_names(code, names)
    if names.get(name, "").startswith("builtins."):
        return f"import builtins\n\n{renamed}"
    return renamed


def replace_names(code: str, names: dict[str, str]) -> str:
    """Rename identifiers wherever they stand as variable, parameter or definition."""
    source = PythonSource(code)
    edits: list[Edit] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name) and node.id in names:
            edits.append((source.start(node), source.end(node), names[node.id]))
        elif isinstance(node, ast.arg) and node.arg in names:
            begin = source.start(node)
            edits.append((begin, begin + len(node.arg), names[node.arg]))
        elif isinstance(node, Definition) and node.name in names:
            word = "class " if isinstance(node, ast.ClassDef) else "def "
            begin = code.index(word, source.start(node)) + len(word)
            edits.append((begin, begin + len(node.name), names[node.name]))
    return apply_edits(code, edits)


def is_valid_name(name: str) -> bool:
    """Whether a function or class may have this name."""
    return name.isascii() and name.isidentifier() and not keyword.iskeyword(name)


def replace_bodies(code: str, write_body: Callable[[str], str]) -> str:
    """Replace the body of every outermost function or method, docstrings kept.

    Args:
        write_body: Returns the lines of a body, indented by the text that it is given.
    """
    source = PythonSource(code)
    edits: list[Edit] = []
    for node in outer_functions(source.tree):
        statements = body_of(node)
        indent = " " * (node.col_offset + 4)
        if statements:
            begin, end = source.start(statements[0]), source.end(node)
            edits.append((begin, end, write_body(indent).removeprefix(indent)))
        else:
            edits.append((source.end(node), source.end(node), "\n" + write_body(indent)))
    return drop_unused_imports(apply_edits(code, edits))


def body_of(function: Function) -> list[ast.stmt]:
    """Return the statements of a function after its docstring."""
    return function.body[ast.get_docstring(function) is not None :]


def outer_functions(node: ast.Module | ast.ClassDef) -> Iterator[Function]:
    """Yield the functions and methods that stand in no other function."""
    for child in node.body:
        if isinstance(child, ast.ClassDef):
            yield from outer_functions(child)
        elif isinstance(child, Function):
            yield child


def _bound_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, Definition):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _loaded_names(tree: ast.AST) -> set[str]:
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
