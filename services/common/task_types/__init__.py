"""Task types that have a directory: their prompt, rules, rubric, golden inputs and repairs.

A task type needs no directory to be served, only an active prompt. One that has a directory is
judged, replayed and repaired with what is in it.
"""

from services.common.task_types.reading import GOLDEN_INPUTS_FILE, REPAIRS_FILE, read_task_type
from services.common.task_types.registry import BUILT_IN_DIRECTORY as ROOT
from services.common.task_types.registry import TaskTypes, open_task_types
from services.common.task_types.task_type import (
    GENERIC_REPAIRS,
    GoldenInputs,
    Repairs,
    RuleWeight,
    TaskType,
    TaskTypeError,
)

__all__ = [
    "GENERIC_REPAIRS",
    "GOLDEN_INPUTS_FILE",
    "REPAIRS_FILE",
    "ROOT",
    "GoldenInputs",
    "Repairs",
    "RuleWeight",
    "TaskType",
    "TaskTypeError",
    "TaskTypes",
    "list_task_types",
    "load_golden_inputs",
    "load_repairs",
    "open_task_types",
    "read_task_type",
]


def list_task_types() -> list[str]:
    """List the task types that come with the system, in alphabetical order."""
    return open_task_types(None).names()


def load_golden_inputs(task_type: str) -> GoldenInputs:
    """Load the golden inputs of a task type that comes with the system; else empty halves."""
    return open_task_types(None).golden_inputs(task_type)


def load_repairs(task_type: str) -> Repairs:
    """Load the repair sentences of a task type that comes with the system; else general ones."""
    return open_task_types(None).repairs(task_type)
