"""Task types that have a directory: their prompt, rules, rubric, golden inputs and repairs.

A task type needs no directory to be served, only an active prompt. One that has a directory is
judged, replayed and repaired with what is in it.
"""

from services.common.task_types.registry import TaskTypes, open_task_types
from services.common.task_types.task_type import GoldenInputs, Repairs, TaskType, TaskTypeError

__all__ = [
    "GoldenInputs",
    "Repairs",
    "TaskType",
    "TaskTypeError",
    "TaskTypes",
    "open_task_types",
]
