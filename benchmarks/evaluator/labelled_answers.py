"""The labelled set: answers of which running their tests has shown whether they are right."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from benchmarks.evaluator.human_eval import HumanEvalTask, read_human_eval
from benchmarks.evaluator.request_forms import FORMS, Example, TaskRequest, pick
from benchmarks.evaluator.simple_tasks import SimpleTask, read_simple_tasks

DATA: Final = Path(__file__).parent / "data"
MUTANTS_FILE: Final = DATA / "labelled_mutants.jsonl"
OUTPUTS_FILE: Final = DATA / "labelled_outputs.jsonl"

CANONICAL: Final = "canonical"
OUTPUT: Final = "model output"
WRONG_ALGORITHM: Final = "wrong algorithm"

Half = Literal["tuning", "reporting"]
HALVES: Final[tuple[Half, ...]] = ("tuning", "reporting")


@dataclass(frozen=True, slots=True)
class LabelledAnswer:
    """An answer and what running it has shown.

    Attributes:
        id: Its name.
        task: Its task's name.
        kind: `canonical`, the kind of a mutant, or `model output`.
        answer: What the Evaluator gets to judge.
        right: Whether it keeps all that its task's hidden tests ask.
        loads: Whether its code parses and can be loaded.
        gives_value: Whether plausible calls, up to five, all returned something other than None.
        contradicts: Which of the task's examples it doesn't keep, by their number.
    """

    id: str
    task: str
    kind: str
    answer: str
    right: bool
    loads: bool
    gives_value: bool
    contradicts: tuple[int, ...]

    @property
    def half(self) -> Half:
        """The half that its task belongs to."""
        return half_of(self.task)


def half_of(task: str) -> Half:
    """Return the half that a task belongs to: for tuning the Evaluator, or for reporting on it."""
    return HALVES[pick(task, len(HALVES))]


def read_labelled(file: Path) -> tuple[LabelledAnswer, ...]:
    """Read labelled answers from JSON Lines."""
    with file.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return tuple(
        LabelledAnswer(**{**row, "contradicts": tuple(row["contradicts"])}) for row in rows
    )


def write_labelled(file: Path, answers: Iterable[LabelledAnswer]) -> None:
    """Write labelled answers as JSON Lines."""
    lines = [json.dumps(asdict(answer), ensure_ascii=False) + "\n" for answer in answers]
    file.write_text("".join(lines), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Task:
    """A task that answers of either source are given for.

    Attributes:
        requests: The request by form.
        examples: All examples of the task; `contradicts` counts along them.
    """

    requests: dict[str, TaskRequest]
    examples: tuple[Example, ...]

    def shows_contradiction(self, answer: LabelledAnswer, form: str) -> bool:
        """Tell whether an answer contradicts an example that the request shows in this form."""
        shown = self.requests[form].examples
        return any(self.examples[number] in shown for number in answer.contradicts)

    def betrays(self, answer: LabelledAnswer, form: str) -> bool:
        """Tell whether an example, a crash or an empty return shows that an answer is wrong."""
        return not answer.loads or not answer.gives_value or self.shows_contradiction(answer, form)


def read_tasks() -> dict[str, Task]:
    """Read all tasks of both sources, by name."""
    tasks: list[HumanEvalTask | SimpleTask] = [*read_human_eval(), *read_simple_tasks()]
    return {task.task_id: _ask_in_all_forms(task) for task in tasks}


def _ask_in_all_forms(task: HumanEvalTask | SimpleTask) -> Task:
    requests = {form: task.ask(form) for form in FORMS}
    return Task(requests, requests["examples"].examples)
