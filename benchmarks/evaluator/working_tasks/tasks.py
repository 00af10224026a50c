"""The working tasks: requests as engineers type them, with solutions and what stays hidden."""

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from benchmarks.evaluator.labelled_answers import DATA
from benchmarks.evaluator.request_forms import pick

FOLDER: Final = DATA / "working_tasks"
SOURCE: Final = "working"
Kind: TypeAlias = Literal["function", "class", "program"]
FORMS: Final = ("one", "none")
SOLUTIONS: Final = 2
FEWEST_ASSERTS: Final = 6
FEWEST_RUNS: Final = 5


class WorkingTaskError(ValueError):
    """A file of working tasks isn't as it must be."""


@dataclass(frozen=True, slots=True)
class ExpectedRun:
    """A run of a program that stays hidden: what it is given, and what it must print."""

    stdin: str
    argv: tuple[str, ...]
    stdout: str


@dataclass(frozen=True, slots=True)
class WorkingTask:
    """A task.

    Attributes:
        name: Names it among all working tasks.
        domain: Name of its file, such as `log_lines`.
        kind: What is asked for.
        entry: The function or class that the asserts call; empty for a program.
        request: What is asked, without an example.
        example: What the form with one example shows under it.
        solutions: Right answers of different forms; mutants are made of the first.
        asserts: Hidden expressions, all of them True for a right answer; none for a program.
        runs: Hidden runs of a program; none for anything else.
        shown: What the example says, as an expression or a run; None where nobody wrote it so.
        setup: Code of helpers that the asserts call; it is loaded after the answer.
    """

    name: str
    domain: str
    kind: Kind
    entry: str
    request: str
    example: str
    solutions: tuple[str, ...]
    asserts: tuple[str, ...]
    runs: tuple[ExpectedRun, ...]
    shown: str | ExpectedRun | None = None
    setup: str = ""

    @property
    def task_id(self) -> str:
        """Its name among all tasks that the benchmark knows."""
        return f"{SOURCE}/{self.name}"

    def ask(self, form: str) -> str:
        """Write the request with one example, or with none."""
        if form == "none":
            return self.request
        in_one_line = "\n" not in self.request + self.example
        return self.request + _between(self.task_id, in_one_line=in_one_line) + self.example

    def only_shown(self) -> "WorkingTask | None":
        """Make the task that asks for nothing but the example; None where that isn't known."""
        if self.shown is None:
            return None
        if isinstance(self.shown, ExpectedRun):
            return replace(self, runs=(self.shown,))
        return replace(self, asserts=(self.shown,))


def _between(task_id: str, *, in_one_line: bool) -> str:
    """Decide what stands before an example; half of the short ones follow in the same line."""
    return " " if in_one_line and pick(task_id, 2) else "\n\n"


def read_working_tasks(folder: Path = FOLDER) -> tuple[WorkingTask, ...]:
    """Read the tasks of all files of a folder, in the order of their names.

    Raises:
        WorkingTaskError: If something is missing, is there twice, or shows what must stay hidden.
    """
    tasks: list[WorkingTask] = []
    for file in sorted(folder.glob("*.toml")):
        rows = tomllib.loads(file.read_text(encoding="utf-8"))["task"]
        tasks += [_read_task(row, file.stem) for row in rows]
    problems = [problem for task in tasks for problem in find_problems(task)]
    counts = Counter(task.name for task in tasks)
    problems += [f"{name}: there {count} times" for name, count in counts.items() if count > 1]
    if problems:
        raise WorkingTaskError("\n".join(problems))
    return tuple(tasks)


def _read_task(row: Mapping[str, Any], domain: str) -> WorkingTask:
    try:
        return WorkingTask(
            name=row["name"],
            domain=domain,
            kind=row["kind"],
            entry=row["entry"],
            request=row["request"].strip(),
            example=row["example"].strip("\n"),
            solutions=tuple(text.strip() + "\n" for text in row["solutions"]),
            asserts=tuple(row.get("asserts", ())),
            runs=tuple(map(_read_run, row.get("runs", ()))),
            shown=_read_run(row["shown_run"]) if "shown_run" in row else row.get("shown"),
            setup=row.get("setup", ""),
        )
    except KeyError as error:
        raise WorkingTaskError(f"{domain}: {row.get('name')} has no {error}") from error


def _read_run(row: Mapping[str, Any]) -> ExpectedRun:
    return ExpectedRun(row["stdin"], tuple(row["argv"]), row["stdout"])


def find_problems(task: WorkingTask) -> Iterator[str]:
    """Say what is wrong with a task by itself, without running anything."""
    is_program = task.kind == "program"
    hidden: Sequence[object] = task.runs if is_program else task.asserts
    fewest = FEWEST_RUNS if is_program else FEWEST_ASSERTS
    wants = {
        "no request": bool(task.request),
        "no example": bool(task.example),
        "the name isn't snake_case": task.name.isidentifier() and task.name.islower(),
        f"unknown kind {task.kind}": task.kind in get_args(Kind),
        "only a program has no entry": (task.entry == "") == is_program,
        f"not {SOLUTIONS} different solutions": len({*map(_shape, task.solutions)}) == SOLUTIONS,
        f"under {fewest} of what stays hidden": len(hidden) >= fewest,
        "asserts and runs don't go together": not (task.asserts and task.runs),
        "something hidden is there twice": len(set(hidden)) == len(hidden),
        "what is shown is hidden too": task.shown not in hidden,
        "the request shows the example": _squeeze(task.example) not in _squeeze(task.request),
    }
    yield from (f"{task.name}: {problem}" for problem, is_fine in wants.items() if not is_fine)
    for text in task.asserts:
        if shows_assert(task.example, text):
            yield f"{task.name}: the example shows {text}"
    for run in task.runs:
        if shows_run(task.example, run):
            yield f"{task.name}: the example shows {run}"


def shows_assert(example: str, text: str) -> bool:
    """Tell whether an example shows what an assert calls.

    Raises:
        SyntaxError: If the assert is no expression.
    """
    expression = ast.parse(text, mode="eval").body
    called = expression.left if isinstance(expression, ast.Compare) else expression
    return _squeeze(ast.unparse(called)) in _squeeze(example)


def shows_run(example: str, run: ExpectedRun) -> bool:
    """Tell whether an example shows all of a run: its lines, its arguments, its output."""
    lines = {line.strip() for line in example.splitlines()}
    given = [line.strip() for line in run.stdin.splitlines()]
    printed = [line.strip() for line in run.stdout.splitlines()]
    words = example.split()
    return bool(given or run.argv) and (
        lines.issuperset([*given, *printed]) and all(word in words for word in run.argv)
    )


def _shape(solution: str) -> str:
    return ast.dump(ast.parse(solution))


def _squeeze(text: str) -> str:
    """Leave out what doesn't change a piece of Python: blanks, and which quotes there are."""
    return "".join(text.split()).replace('"', "'")
