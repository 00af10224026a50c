"""What the Evaluator's rules and criteria say of one answer of a task type, running nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfheal.task_types.checking import write_right_answer
from services.common.task_types import TaskType
from services.evaluator.app.services.static_reading import read_answer

ANY_ANSWER = "An answer that knows nothing of the request."


@dataclass(frozen=True, slots=True)
class SampleRun:
    """An answer, and a row for each rule and criterion: name, outcome or grade, reason."""

    user_input: str
    answer: str
    rows: tuple[tuple[str, str, str], ...]

    def as_json(self) -> dict[str, Any]:
        """Return the run as JSON values for a script."""
        return {
            "user_input": self.user_input,
            "answer": self.answer,
            "results": [
                {"name": name, "outcome": outcome, "reason": reason}
                for name, outcome, reason in self.rows
            ],
        }


def run_sample(task_type: TaskType, *, own_task_types: Path) -> SampleRun:
    """Judge the first expected answer; where none is known, any answer to a golden input."""
    golden = task_type.golden_inputs
    conversation = None
    if user_input := next(iter(golden.expected), None):
        answer, conversation = write_right_answer(golden, user_input)
    else:
        user_input = next(iter((*golden.choosing, *golden.verdict)), "A request")
        answer = ANY_ANSWER
    reading = read_answer(
        task_type=task_type.name,
        user_input=user_input,
        answer=answer,
        own_task_types=own_task_types,
        is_golden=True,
        conversation=conversation,
    )
    rows = [
        (name, finding.outcome.replace("_", " "), finding.reason)
        for name, finding in reading.findings.items()
    ]
    rows += [(name, f"{grade.value:.2f}", grade.reason) for name, grade in reading.grades.items()]
    return SampleRun(user_input, answer, tuple(rows))
