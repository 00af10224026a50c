"""Imports the modules that the operator names, and reads the values of numpy and pandas."""

import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from .tagging import MAX_MEMBERS, Made, Taken, read_as

_SKIPPED = frozenset({"__main__", "conftest"})
_TASKS = "/proc/self/task"


class ModuleProblemError(Exception):
    """A module that was named can't serve."""


def import_named(names: Sequence[str], folders: Sequence[str]) -> None:
    """Import modules and what they could ask for later, when no file can be opened any more.

    Args:
        names: The modules, dotted where they are part of another.
        folders: Where the packages are installed.

    Raises:
        ModuleProblemError: If one can't be imported or starts a thread, which no fork takes along.
    """
    sys.path += folders
    for name in names:
        try:
            module = importlib.import_module(name)
        except Exception as error:
            raise ModuleProblemError(f"{name!r} can't be imported: {error}") from error
        _import_parts(module)
        if os.path.isdir(_TASKS) and len(os.listdir(_TASKS)) > 1:
            raise ModuleProblemError(f"{name!r} starts a thread when it is imported")
    _learn_to_read()


def _import_parts(package: ModuleType) -> None:
    for found in pkgutil.iter_modules(getattr(package, "__path__", ()), f"{package.__name__}."):
        last = found.name.rpartition(".")[2]
        if last in _SKIPPED or "test" in last:
            continue
        try:
            part = importlib.import_module(found.name)
        except (Exception, SystemExit):  # noqa: BLE001, S112 - it wants what isn't installed
            continue
        _import_parts(part)


def _learn_to_read() -> None:
    if numpy := sys.modules.get("numpy"):
        read_as(numpy.ndarray, _listed("ndarray", numpy.ndarray.tolist))
        for scalar in set(numpy.sctypeDict.values()):
            read_as(scalar, numpy.generic.item)
    if pandas := sys.modules.get("pandas"):
        read_as(pandas.Timestamp, pandas.Timestamp.to_pydatetime)
        read_as(pandas.Timedelta, pandas.Timedelta.to_pytimedelta)
        read_as(pandas.Series, _listed("Series", pandas.Series.tolist))
        for index in (pandas.Index, pandas.RangeIndex, pandas.DatetimeIndex):
            read_as(index, _listed("Index", pandas.Index.tolist))
        to_dict, size = pandas.DataFrame.to_dict, pandas.DataFrame.size.fget
        read_as(
            pandas.DataFrame,
            lambda frame: (
                Made("DataFrame", [to_dict(frame, "list")]) if size(frame) <= MAX_MEMBERS else None
            ),
        )


def _listed(name: str, to_list: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value.size > MAX_MEMBERS:
            return None
        items = to_list(value)
        # An array of no dimension is a number.
        return Taken(name, items) if isinstance(items, list) else items

    return read
