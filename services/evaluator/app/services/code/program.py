"""Puts the blocks of an answer together to its program, by what they define and use. Pure.

What defines something belongs to the program, and so does what that uses. A definition replaces
an earlier one of its name. What only calls or tests what is defined shows it in use; where it
reads input, it is how the program begins, and stands behind the guard of `__main__`.
"""

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from services.evaluator.app.services.code.console import reads_arguments, reads_input
from services.evaluator.app.services.code.syntax import (
    Definition,
    Function,
    imported_names,
    is_future,
    is_stub,
    names_bound,
    names_free,
    names_in,
    names_read,
)

Chunk = tuple["Part", list[ast.stmt], bool]
WORD = re.compile(r"\w+")
TESTING = frozenset({"pytest", "unittest", "doctest"})


@dataclass(frozen=True, eq=False)
class Part:
    """A block of Python that parses."""

    source: str
    tree: ast.Module

    @cached_property
    def bound(self) -> set[str]:
        """Return the names that it binds."""
        return names_bound(self.tree)

    @cached_property
    def defined(self) -> dict[str, ast.stmt]:
        """Return its functions and classes by name; a lambda with a name is a function."""
        found: dict[str, ast.stmt] = {}
        for node in self.tree.body:
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    found[node.name] = node
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda()):
                    found[name] = node
        return found

    @cached_property
    def reads_input(self) -> bool:
        """Whether it looks at what is typed in or at its arguments."""
        return reads_input(self.tree) or reads_arguments(self.tree)

    def reads(self, nodes: Iterable[ast.stmt]) -> set[str]:
        """Return the names that some of its statements take from around them."""
        return {name for node in nodes for name in names_free(self.write([node]))}

    def write(self, nodes: Iterable[ast.stmt]) -> str:
        """Return the source of some of its statements, comments within them included."""
        lines = self.source.split("\n")
        kept = {
            number
            for node in nodes
            for first in [min(one.lineno for one in (node, *getattr(node, "decorator_list", ())))]
            for number in range(first - 1, node.end_lineno or node.lineno)
        }
        return "".join(f"{lines[number]}\n" for number in sorted(kept))


def assemble(parts: Sequence[Part], request: str = "") -> str:
    """Return the source of the program that an answer's blocks are, in their order.

    What the request names is no test, whatever it looks like.
    """
    used = [
        part for index, part in enumerate(parts)
        if not _is_use(part, parts, set(WORD.findall(request)), is_first=not index)
    ]  # fmt: skip
    latest: dict[str, Part] = {}
    for part in used:
        latest |= {
            name: part
            for name, node in part.defined.items()
            if name not in latest or not _is_empty(node)
        }
    if not latest:
        return _join_scripts(used)
    chunks, entry = _sort_statements(used, latest, request)
    kept = _choose(chunks)
    begins = bool(entry) and any(part.reads_input for part in used)
    if len(kept) == 1 and len(set(latest.values())) == 1:
        [(part, _)] = kept
        if part.reads_input or not begins:
            return part.source
    nodes = (node for part in used for node in part.tree.body)
    future = dict.fromkeys(ast.unparse(node) for node in nodes if is_future(node))
    source = "\n\n".join([*future, *(part.write(nodes) for part, nodes in kept)])
    if begins:
        guarded = ast.If(ast.parse("__name__ == '__main__'", mode="eval").body, entry, [])
        source += f"\n\n{ast.unparse(guarded)}\n"
    return source


def _sort_statements(
    parts: Sequence[Part], latest: dict[str, Part], request: str
) -> tuple[list[Chunk], list[ast.stmt]]:
    """Sort statements into those that the program may hold, and those that show it in use."""
    reads = {one for name, part in latest.items() for one in part.reads([part.defined[name]])}
    shown, entry, chunks = set(latest), list[ast.stmt](), list[Chunk]()
    for part in parts:
        is_current = all(latest[name] is part for name in part.defined)
        names = {node: name for name, node in part.defined.items()}
        names |= {node: node.name for node in part.tree.body if isinstance(node, Definition)}
        firm: list[ast.stmt] = []
        for node in part.tree.body:
            is_asked = any(f"{name}(" in request for name in names_bound(node))
            uses = names_read(node) & shown and not names_bound(node) & reads and not is_asked
            if node in names:
                firm += [node] if latest[names[node]] is part else []
            elif is_future(node) or (
                isinstance(node, ast.ImportFrom) and names_bound(node) <= latest.keys()
            ):
                continue  # it stands first, or another block is that module
            elif uses or (part.reads_input and not part.defined):
                shown |= names_bound(node)
                entry += [node] if is_current and not isinstance(node, ast.Assert) else []
            elif is_current:
                firm.append(node)
            else:
                chunks.append((part, [node], False))
        chunks.append((part, firm, bool(part.defined)))
    return chunks, entry


def _choose(chunks: Sequence[Chunk]) -> list[tuple[Part, list[ast.stmt]]]:
    """Keep what is firm, and of the rest what that needs."""
    wanted = {name for part, nodes, is_firm in chunks if is_firm for name in part.reads(nodes)}
    taken = [is_firm for _, _, is_firm in chunks]
    for index in reversed(range(len(chunks))):
        part, nodes, _ = chunks[index]
        if not taken[index] and any(names_bound(node) & {*wanted, "*"} for node in nodes):
            taken[index] = True
            wanted |= part.reads(nodes)
    return [
        (part, nodes) for (part, nodes, _), is_taken in zip(chunks, taken, strict=True)
        if is_taken and nodes
    ]  # fmt: skip


def _join_scripts(parts: Sequence[Part]) -> str:
    """Join scripts that build on one another; one that binds the same names anew replaces them."""
    joined = [parts[0]]
    for part in parts[1:]:
        bound = set().union(*(one.bound for one in joined))
        if (names_read(part.tree) - part.bound) & bound:
            joined.append(part)
        elif part.bound & bound:
            joined = [part]
    return "\n\n".join(part.source for part in joined)


def _is_empty(node: ast.stmt) -> bool:
    if isinstance(node, ast.ClassDef):
        methods = [one for one in node.body if isinstance(one, Function)]
        return is_stub(node) or (bool(methods) and all(map(is_stub, methods)))
    return isinstance(node, Definition) and is_stub(node)


def _is_use(part: Part, parts: Sequence[Part], asked: set[str], *, is_first: bool) -> bool:
    """Whether a block tests or shows what others define, and nothing asks for what it defines."""
    others = [one for one in parts if one is not part]
    elsewhere = {name for one in others for name in one.defined}
    needed = {name for one in others for name in names_read(one.tree)} | elsewhere | asked
    anew = (part.bound - imported_names(part.tree).keys()) & elsewhere
    if not part.defined or part.reads_input or anew or needed & part.defined.keys():
        return False
    is_test = bool(TESTING & part.bound)
    uses = not elsewhere.isdisjoint(names_in(part.tree))
    return uses and (is_test or (not is_first and bool(asked & elsewhere)))
