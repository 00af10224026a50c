"""Says what is removed when, from the settings and the task types' own files. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from services.common.settings.retention import MINUTES_A_DAY, RetentionSettings
from services.common.task_types.reading import RETENTION_FILE
from services.common.task_types.registry import TaskTypes
from services.common.task_types.task_type import TaskType, TaskTypeError

Kind = Literal["rows", "texts"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What is removed after so many days.

    Attributes:
        task_types: Those that it holds for, or that have rules of their own.
        is_default: Whether it holds for all task types but these.
    """

    kind: Kind
    days: int
    task_types: tuple[str, ...] = ()
    is_default: bool = False


def plan_rules(settings: RetentionSettings, task_types: TaskTypes) -> list[Rule]:
    """Plan what is removed; nothing where nothing is set.

    Texts go with their rows at the latest: those of rows that are kept for their figures as well.

    Raises:
        TaskTypeError: If what a task type's own file says doesn't go with the rest.
    """
    default = (settings.log_retention_days, settings.body_retention_days)
    own = [one for one in task_types.all() if any(one.retention)]
    excepted = tuple(one.name for one in own)
    rules = [Rule(kind, days, excepted, is_default=True) for kind, days in _name(*default)]
    names: dict[tuple[Kind, int], list[str]] = defaultdict(list)
    for one in own:
        for key in _name(*_resolve(one, settings)):
            names[key].append(one.name)
    return rules + [Rule(kind, days, tuple(some)) for (kind, days), some in names.items()]


def _name(log_days: int | None, body_days: int | None) -> Iterator[tuple[Kind, int]]:
    if log_days is not None:
        yield "rows", log_days
    if (days := body_days if body_days is not None else log_days) is not None:
        yield "texts", days


def _resolve(task_type: TaskType, settings: RetentionSettings) -> tuple[int | None, int | None]:
    """Fill in what a task type leaves to the settings."""
    told = (settings.log_retention_days, settings.body_retention_days)
    log_days, body_days = (
        default if days is None else days if isinstance(days, int) else None
        for days, default in zip(task_type.retention, told, strict=True)
    )
    path = task_type.directory / RETENTION_FILE
    if log_days is not None and body_days is not None and body_days > log_days:
        raise TaskTypeError(
            path,
            f"texts would be kept for {body_days} days, and their rows for {log_days}",
            remedy="Let body_days be at most log_days; what isn't in the file, the settings say.",
        )
    minutes = settings.optimizer_lookback_minutes
    if any(days is not None and days * MINUTES_A_DAY < minutes for days in (log_days, body_days)):
        raise TaskTypeError(
            path,
            f"a heal reads what was logged within OPTIMIZER_LOOKBACK_MINUTES ({minutes})",
            remedy="Keep it for as many days.",
        )
    return log_days, body_days
