"""Supplies names that are there when an answer runs, since its request shows or implies them."""

import ast
import re
from collections.abc import Iterable, Iterator
from importlib import import_module

from services.evaluator.app.services.behaviour.objects import LEETCODE_CLASSES
from services.evaluator.app.services.code.syntax import is_future, names_bound, names_missing
from services.evaluator.app.services.evidence import Evidence
from services.evaluator.app.services.examples.example import VALUE_MODULES
from services.evaluator.app.services.examples.literals import parse_expression, parse_statements
from services.evaluator.app.services.request import LEETCODE_CLASS

MAX_PRELUDE_CHARACTERS = 16_000
# What LeetCode imports for every answer.
LEETCODE_MODULES = (
    "typing", "collections", "heapq", "math", "bisect", "itertools", "functools",
)  # fmt: skip
# What shown code may lack, beside that.
SHOWN_MODULES = (*LEETCODE_MODULES, "dataclasses", "enum", "abc")
LEETCODE = re.compile(r"\bleetcode\b|\bclass\s+Solution\b", re.I)
# Calls that define something, and do nothing else.
DEFINING_CALLS = frozenset({"namedtuple", "NamedTuple", "TypeVar", "NewType", "Enum"})


def find_prelude(evidence: Evidence, steps: Iterable[str]) -> str:
    """Write what goes before an answer: what it or a step reads, it doesn't bind, and is supplied.

    The request's own imports and definitions are supplied; names of `typing` that it shows; and
    what LeetCode imports, where the request or the form of the answer speaks of LeetCode.
    """
    if evidence.code is None or evidence.tree is None:
        return ""
    bound = names_bound(evidence.tree)
    missing = names_missing(evidence.code.source)
    in_steps = {name for step in steps for name in names_missing(step)} - missing
    shown = {
        name: (place, source)
        for place, statement in enumerate(evidence.request.code)
        for name, source in _supplies(statement)
    }
    modules: tuple[str, ...] = ()
    if _is_for_leetcode(evidence):
        modules = LEETCODE_MODULES
        shown = {name: (0, source) for name, source in LEETCODE_CLASSES.items()} | shown
    supplied: set[tuple[int, str]] = set()
    # What a step calls is the answer's, unless the request shows it.
    pending = [(name, modules) for name in missing]
    asked = {evidence.request.name}
    pending += [(name, ()) for name in in_steps & shown.keys() - asked]
    done = set(bound)
    while pending:
        name, modules = pending.pop()
        if name in done:
            continue
        done.add(name)
        if name in shown:
            supplied.add(shown[name])
            # What the request shows is meant to work as it stands.
            pending += [(other, SHOWN_MODULES) for other in names_missing(shown[name][1])]
            continue
        # What a request shows in an annotation is from `typing`.
        annotated = re.search(rf"\b{name}\[|(?:->|\w:)\s*['\"]?{name}\b", evidence.user_input)
        if statement := _import_of(name, modules or (("typing",) if annotated else ())):
            supplied.add((-1, statement))
    prelude = "".join(f"{source}\n" for _, source in sorted(supplied))
    return prelude if len(prelude) <= MAX_PRELUDE_CHARACTERS else ""


def put_before(prelude: str, source: str, tree: ast.Module | None) -> str:
    """Put a prelude before a program, behind its imports from `__future__`."""
    if not prelude or tree is None:
        return source
    futures = [node.end_lineno or 0 for node in tree.body if is_future(node)]
    lines = source.splitlines(keepends=True)
    first = max(futures, default=0)
    return "".join([*lines[:first], "\n" if first else "", prelude, *lines[first:]])


def names_defined(evidence: Evidence, setup: Iterable[str]) -> set[str]:
    """Return the names that an answer, its request or a session defines, imports left out."""
    ran = [node for step in setup for node in parse_statements(step) or ()]
    code = (*evidence.request.code, *(evidence.tree.body if evidence.tree else ()))
    own = (node for node in code if not isinstance(node, ast.Import | ast.ImportFrom))
    return names_bound(*ran, *own)


def with_standard_values(step: str, own: set[str]) -> str:
    """Write a step so that `date(2024, 2, 29)` in it is the standard library's.

    Nothing is imported into the answer, which might have forgotten to.

    Args:
        own: Names that aren't the standard library's here.
    """
    values = {
        name: _value_of(name, step)
        for name in names_missing(step) - own
        if _import_of(name, VALUE_MODULES)
    }
    return ast.unparse(_Values(values).visit(ast.parse(step))) if values else step


class _Values(ast.NodeTransformer):
    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        source = self._values.get(node.id, "")
        return parse_expression(source) or node


def _value_of(name: str, step: str) -> str:
    """Write what a name of the standard library stands for; `datetime` is a module or its class."""
    parts = re.findall(rf"\b{name}\.(\w+)", step) if name in VALUE_MODULES else ()
    owner = next((one for one in sorted(VALUE_MODULES) if hasattr(import_module(one), name)), "")
    is_module = parts and all(hasattr(import_module(name), part) for part in parts)
    return f"__import__({owner!r}).{name}" if owner and not is_module else f"__import__({name!r})"


def _is_for_leetcode(evidence: Evidence) -> bool:
    """Whether a request speaks of LeetCode, or has its form and is answered in its form."""
    return LEETCODE.search(evidence.user_input) is not None or (
        any(example.names for example in evidence.request.examples)
        and any(node.name == LEETCODE_CLASS for node in evidence.definitions)
    )


def _import_of(name: str, modules: Iterable[str]) -> str:
    """Write the import that binds a name; empty where none of the modules has it."""
    for module in modules:
        if name == module:
            return f"import {module}"
        if not name.startswith("_") and hasattr(import_module(module), name):
            return f"from {module} import {name}"
    return ""


def _supplies(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """Yield what a statement of the request binds by defining it, with the source for that."""
    match statement:
        case ast.ImportFrom(module="__future__"):
            return
        case ast.Import(names=names) | ast.ImportFrom(names=names, level=0):
            for alias in names:
                yield alias.asname or alias.name.partition(".")[0], ast.unparse(statement)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, ast.unparse(statement)
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            calls = (node.func for node in ast.walk(value) if isinstance(node, ast.Call))
            if all(isinstance(call, ast.Name) and call.id in DEFINING_CALLS for call in calls):
                yield name, ast.unparse(statement)
