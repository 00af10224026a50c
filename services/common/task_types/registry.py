"""Finds the task types that have a directory: those of the system, and the user's own."""

import re
from functools import cache, cached_property
from pathlib import Path

from services.common.task_types.reading import DEFINITION_FILE, read_task_type
from services.common.task_types.task_type import (
    GENERIC_REPAIRS,
    GoldenInputs,
    Repairs,
    TaskType,
    TaskTypeError,
)

BUILT_IN_DIRECTORY = Path(__file__).parent
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
NAME_RULE = "1 to 64 lower-case letters, digits and underscores, beginning with a letter"


class TaskTypes:
    """Finds task types by name; each directory is read once, when it is first asked for.

    A task type needs no directory to be served: any name with an active prompt will do, and
    `find` returns None for it. A pickled registry holds its path alone.

    Args:
        own_directory: Where the user's own task types are; it needn't exist.
    """

    def __init__(self, own_directory: Path | None = None) -> None:
        self.own_directory = own_directory
        self._loaded: dict[str, TaskType] = {}

    def __reduce__(self) -> tuple[object, tuple[Path | None]]:
        return open_task_types, (self.own_directory,)

    @cached_property
    def directories(self) -> dict[str, Path]:
        """The directories by task type, in alphabetical order.

        Raises:
            TaskTypeError: If a directory's name can't be a task type's, or is taken.
        """
        found = {path.name: path for path in _directories_in(BUILT_IN_DIRECTORY)}
        for path in _directories_in(self.own_directory) if self.own_directory else ():
            if not NAME.fullmatch(path.name):
                raise TaskTypeError(
                    path,
                    "a task type can't have that name",
                    remedy=f"Rename the directory: {NAME_RULE}.",
                )
            if path.name in found:
                raise TaskTypeError(
                    path,
                    f"the task type {path.name!r} comes with the system",
                    remedy="Rename the directory, and choose another task type.",
                )
            found[path.name] = path
        return dict(sorted(found.items()))

    def names(self) -> list[str]:
        """List the task types that have a directory, in alphabetical order."""
        return list(self.directories)

    def is_built_in(self, name: str) -> bool:
        """Tell whether a task type comes with the system."""
        return self.directories[name].parent == BUILT_IN_DIRECTORY

    def find(self, name: str) -> TaskType | None:
        """Find the task type of that name; None where it has no directory.

        Raises:
            TaskTypeError: If its directory can't be used.
        """
        if name not in self.directories:
            return None
        if name not in self._loaded:
            self._loaded[name] = read_task_type(self.directories[name])
        return self._loaded[name]

    def all(self) -> list[TaskType]:
        """Load every task type that has a directory, in alphabetical order.

        Raises:
            TaskTypeError: If one of the directories can't be used.
        """
        return [task_type for name in self.names() if (task_type := self.find(name))]

    def golden_inputs(self, name: str) -> GoldenInputs:
        """Return the golden inputs of a task type; empty halves where it has no directory."""
        task_type = self.find(name)
        return task_type.golden_inputs if task_type else GoldenInputs()

    def repairs(self, name: str) -> Repairs:
        """Return the repair sentences of a task type; general ones where it has no directory."""
        task_type = self.find(name)
        return task_type.repairs if task_type else GENERIC_REPAIRS


@cache
def open_task_types(own_directory: Path | None) -> TaskTypes:
    """Return the process's one registry for this place of the user's own directories."""
    return TaskTypes(own_directory)


def _directories_in(parent: Path) -> list[Path]:
    if not parent.exists():
        return []
    if not parent.is_dir():
        raise TaskTypeError(
            parent, "it is no directory", remedy="Let TASK_TYPES_DIR name a directory."
        )
    try:
        return sorted(path.parent for path in parent.glob(f"*/{DEFINITION_FILE}"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TaskTypeError(
            parent, f"it can't be read: {reason}", remedy="Give this user the right to read it."
        ) from error
