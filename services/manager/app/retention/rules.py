"""Says what is removed when, from the settings and the task types' own files. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from services.common.config import explain_problems
from services.common.settings.retention import RetentionSettings
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
    own = {one.name: _resolve(one, settings) for one in task_types.all() if any(one.retention)}
    rules = [Rule(kind, days, tuple(own), is_default=True) for kind, days in _name(settings)]
    names: dict[tuple[Kind, int], list[str]] = defaultdict(list)
    for task_type, kept in own.items():
        for key in _name(kept):
            names[key].append(task_type)
    return rules + [Rule(kind, days, tuple(some)) for (kind, days), some in names.items()]


def _name(kept: RetentionSettings) -> Iterator[tuple[Kind, int]]:
    if kept.log_retention_days is not None:
        yield "rows", kept.log_retention_days
    body_days = kept.body_retention_days
    if (days := kept.log_retention_days if body_days is None else body_days) is not None:
        yield "texts", days


def _resolve(task_type: TaskType, settings: RetentionSettings) -> RetentionSettings:
    """Fill in what a task type leaves to the settings; the whole must be fit for settings."""
    told = (settings.log_retention_days, settings.body_retention_days)
    log_days, body_days = (
        default if days is None else days if isinstance(days, int) else None
        for days, default in zip(task_type.retention, told, strict=True)
    )
    try:
        return RetentionSettings(
            optimizer_lookback_minutes=settings.optimizer_lookback_minutes,
            log_retention_days=log_days,
            body_retention_days=body_days,
        )
    except ValidationError as error:
        problems = [f"{name} {what}" for name, what in explain_problems(error).items()]
        raise TaskTypeError(
            task_type.directory / RETENTION_FILE,
            "; ".join(problems),
            remedy="Here log_days and body_days come before these settings, where they are there.",
        ) from error
