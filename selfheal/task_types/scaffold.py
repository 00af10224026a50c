"""Writes a complete directory for a new task type, to be filled in."""

from pathlib import Path

from services.common.task_types import TaskTypeError, open_task_types
from services.common.task_types.registry import NAME, NAME_RULE

TEMPLATE = Path(__file__).parent / "template"
FILES = (
    "task_type.toml",
    "prompt.txt",
    "validators.py",
    "golden_inputs.json",
    "repairs.toml",
)
PLACEHOLDER = "Replace this:"


def write_scaffold(parent: Path, name: str) -> list[Path]:
    """Write `parent/name` with every file that a task type has; gives their paths.

    Raises:
        TaskTypeError: If the name can't be used, or is in use.
    """
    directory = parent / name
    if not NAME.fullmatch(name):
        raise TaskTypeError(
            directory, "a task type can't have that name", remedy=f"Take {NAME_RULE}."
        )
    if name in open_task_types(None).names():
        raise TaskTypeError(
            directory, f"the task type {name!r} comes with the system", remedy="Take another name."
        )
    if directory.exists():
        raise TaskTypeError(
            directory, "it is there already", remedy="Take another name, or delete it first."
        )
    directory.mkdir(parents=True)
    written = []
    for file in FILES:
        path = directory / file
        path.write_text((TEMPLATE / file).read_text(encoding="utf-8"), encoding="utf-8")
        written.append(path)
    return written
