"""Tells right answers from wrong ones by what the simulated model knows, and spoils right ones.

A right answer holds the code of the task that was asked for, whatever its name, docstrings and type
hints. The Evaluator has no part in that. Pure.
"""

import ast
import re
from functools import lru_cache
from typing import Final

from typing_extensions import override

from simulated_model.composition.code import unknown_task_stub
from simulated_model.composition.python import (
    Definition,
    rename_main,
    strip_docstrings,
    strip_type_hints,
)
from simulated_model.knowledge import find_task

CACHED: Final = 1 << 15
ONE_NAME: Final = "the_main_definition"
_BLOCK = re.compile(r"```(?:python)?\n(.*?)```", re.DOTALL)
_OPPOSITES: Final[dict[type[ast.AST], type[ast.AST]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult,
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


@lru_cache(maxsize=CACHED)
def is_right(answer: str, request: str) -> bool:
    """Tell whether an answer's code block does what was asked, by the model's own knowledge."""
    task = find_task(request)
    block = _BLOCK.search(answer)
    return task is not None and block is not None and _bare(block[1]) == _bare(task.python)


def leave_undone(request: str) -> str:
    """Answer as to a task that the model doesn't know."""
    return f"```python\n{unknown_task_stub(request)}\n```"


def cut_short(answer: str) -> str:
    """Spoil an answer so that it shows: its second half is missing."""
    return answer[: len(answer) // 2]


def leave_out_code(answer: str) -> str:
    """Spoil an answer so that it shows: what the code would do is told, without the code."""
    told = _BLOCK.sub("", answer).strip()
    return told or "This goes through the input step by step and gives the result back."


@lru_cache(maxsize=CACHED)
def make_subtly_wrong(answer: str) -> str:
    """Spoil an answer so that it looks right: one operator or number of its code is another.

    Where there is none to change, the answer is cut short.
    """
    block = _BLOCK.search(answer)
    if block is None:
        return cut_short(answer)
    try:
        tree = ast.parse(block[1])
    except SyntaxError:
        return cut_short(answer)
    change = _OneChange()
    for node in tree.body:
        if isinstance(node, Definition):  # not the main block, which does nothing for the user
            change.visit(node)
    if not change.is_made:
        return cut_short(answer)
    return f"{answer[: block.start(1)]}{ast.unparse(tree)}\n{answer[block.end(1) :]}"


class _OneChange(ast.NodeTransformer):
    """Changes the first operator or whole number that it meets."""

    def __init__(self) -> None:
        self.is_made = False

    @override
    def visit(self, node: ast.AST) -> ast.AST:
        if self.is_made:
            return node
        opposite = _OPPOSITES.get(type(node))
        if opposite is not None:
            self.is_made = True
            return opposite()
        if isinstance(node, ast.Constant) and type(node.value) is int:
            self.is_made = True
            return ast.Constant(node.value + 1)
        changed: ast.AST = self.generic_visit(node)
        return changed


@lru_cache(maxsize=CACHED)
def _bare(code: str) -> str:
    """Return code without its name's choice, docstrings, hints and main block; empty if broken."""
    try:
        bare = strip_docstrings(strip_type_hints(code))
        tree = ast.parse(rename_main(bare, ONE_NAME))
    except SyntaxError:
        return ""
    tree.body = [node for node in tree.body if not isinstance(node, ast.If)]
    return ast.unparse(tree)
