"""Simple tasks of our own, for the local model: requests, hidden asserts, solutions."""

import ast
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.evaluator.request_forms import STYLES, Example, TaskRequest, pick, show_examples

TASKS_FILE: Final = Path(__file__).parent / "data" / "simple_tasks.toml"
SOURCE: Final = "simple"


@dataclass(frozen=True, slots=True)
class SimpleTask:
    """A task.

    Attributes:
        name: The function that is asked for; names the task as well.
        request: What is asked, without examples.
        examples: What a request may show; the first is the one that it shows alone.
        asserts: What stays hidden and decides what is right, beside the examples.
        solution: A right answer.
    """

    name: str
    request: str
    examples: tuple[Example, ...]
    asserts: tuple[Example, ...]
    solution: str

    @property
    def task_id(self) -> str:
        """Its name in the labelled set."""
        return f"{SOURCE}/{self.name}"

    def ask(self, form: str) -> TaskRequest:
        """Write the request in one of the three forms."""
        shown = {"examples": self.examples, "one": self.examples[:1], "none": ()}[form]
        style = pick(self.task_id, len(STYLES))
        return TaskRequest(show_examples(self.request, shown, style=style), shown)

    @property
    def truth(self) -> tuple[Example, ...]:
        """All that a right answer keeps."""
        return self.examples + self.asserts


def read_simple_tasks(file: Path = TASKS_FILE) -> tuple[SimpleTask, ...]:
    """Read the tasks, in the order of the file.

    Raises:
        ValueError: If an example isn't a call compared with a value.
    """
    rows: Sequence[dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8"))["task"]
    return tuple(
        SimpleTask(
            name=row["name"],
            request=row["request"],
            examples=tuple(read_example(text) for text in row["examples"]),
            asserts=tuple(read_example(text) for text in row["asserts"]),
            solution=row["solution"].strip() + "\n",
        )
        for row in rows
    )


def read_example(text: str) -> Example:
    """Read `call == value`, keeping both as they were written.

    Raises:
        ValueError: If it is nothing of the kind.
    """
    comparison = ast.parse(text, mode="eval").body
    if not (isinstance(comparison, ast.Compare) and isinstance(comparison.ops[0], ast.Eq)):
        raise ValueError(f"not a call compared with a value: {text}")
    call = ast.get_source_segment(text, comparison.left) or ""
    expected = ast.get_source_segment(text, comparison.comparators[0]) or ""
    return Example(call, expected)
