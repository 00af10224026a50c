"""Loads the rules and criteria that a task type defines in its own `validators.py`."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

from services.common.task_types.task_type import TaskTypeError


def load_functions(path: Path) -> dict[str, Callable[[Any], Any]]:
    """Execute a `validators.py` and return its public functions by name; none without the file.

    Raises:
        TaskTypeError: If it can't be executed.
    """
    if not path.is_file():
        return {}
    # Dataclasses and pickling look their module up by its name.
    name = f"selfheal_task_type_{path.parent.name}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TaskTypeError(path, "Python can't load it", remedy="Make it a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # the file is its author's, and may raise anything
        del sys.modules[name]
        raise TaskTypeError(
            path,
            f"loading it raised {type(error).__name__}: {error}",
            remedy=f"Run `python {path}` to see which line raises it, and correct that line.",
        ) from error
    return {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == name and not key.startswith("_")
    }
