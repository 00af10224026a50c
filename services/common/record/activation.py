"""Activates prompts: one transaction under a lock, and only if nothing changed meanwhile."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from services.common.errors import ServiceError
from services.common.models import Prompt
from services.common.record.prompts import CREATED_BY, load_active_prompts, load_serving_versions

# One activation at a time. It waits for statements that write prompts, a person's at psql too, and
# makes later ones wait: without it, what they commit between the check and the insert would be
# replaced unseen. Readers go on.
LOCK_PROMPTS = "LOCK TABLE prompts IN SHARE ROW EXCLUSIVE MODE"
DEACTIVATE_ALL = "UPDATE prompts SET is_active = FALSE WHERE task_type = $1 AND is_active = TRUE"
INSERT_ACTIVE = """
    INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by)
    SELECT $1::varchar, $2, coalesce(max(version), 0) + 1, TRUE, $3, $4
    FROM prompts
    WHERE task_type = $1::varchar
    RETURNING id, version
"""
MAX_VERSION = 2**31 - 1
INSERT_REPORT = """
    INSERT INTO optimization_reports (
        task_type, before_prompt_version, before_prompt_content, after_prompt_version,
        after_prompt_content, failure_analysis, improvement_pct, triggered_by
    ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    RETURNING id
"""


class IncumbentChangedError(ServiceError):
    """Another prompt serves now than the one that was looked at; nothing was changed."""

    status_code = 409
    code = "incumbent_changed"

    def __init__(self, *, task_type: str) -> None:
        super().__init__(
            f"The active prompt of {task_type!r} changed in the meantime; nothing was activated."
        )


class VersionsExhaustedError(ServiceError):
    """A prompt has the highest version that the database can hold; nothing was changed."""

    status_code = 409
    code = "versions_exhausted"

    def __init__(self, *, task_type: str) -> None:
        super().__init__(
            f"No version number is left for {task_type!r}: its prompts have {MAX_VERSION}, the "
            "highest there is. Give that row a lower version; nothing was activated."
        )


@dataclass(frozen=True, slots=True)
class Patch:
    """A prompt text to activate in place of the incumbent.

    `created_by` is 64 characters at most, as the table has it.
    """

    content: str
    change_reason: str
    created_by: str


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What goes into `optimization_reports` beside the two prompts.

    `improvement_pct` is measured: percentage points of mean score on the same inputs.
    """

    failure_analysis: dict[str, Any]
    improvement_pct: float
    triggered_by: str


@dataclass(frozen=True, slots=True)
class Activation:
    """A patch that serves: its row and version, and the ids of report and run where it has any."""

    prompt_id: int
    version: int
    report_id: int | None
    run_id: UUID | None = None


def is_same_prompt(one: Prompt, other: Prompt) -> bool:
    """Tell whether two rows are the same prompt.

    A version number can be used again and an edit by hand keeps the id, so both id and text count.
    """
    return one.id == other.id and one.content == other.content


async def patch_prompt(
    connection: asyncpg.Connection,
    *,
    incumbent: Prompt,
    patch: Patch,
    report: RepairReport | None = None,
) -> Activation:
    """Deactivate the incumbent, activate the patch as `max(version) + 1`, write the report.

    All of it or nothing: a crash at any point leaves the incumbent serving.

    Raises:
        IncumbentChangedError: If `incumbent` is no longer what serves.
        VersionsExhaustedError: If the highest version is taken.
    """
    task_type = incumbent.task_type
    async with connection.transaction():
        await connection.execute(LOCK_PROMPTS)
        serving = await load_active_prompts(connection)
        if not any(is_same_prompt(prompt, incumbent) for prompt in serving):
            raise IncumbentChangedError(task_type=task_type)
        await connection.execute(DEACTIVATE_ALL, task_type)
        try:
            [(prompt_id, version)] = await connection.fetch(
                INSERT_ACTIVE, task_type, patch.content, patch.change_reason, patch.created_by
            )
        except asyncpg.NumericValueOutOfRangeError as error:
            raise VersionsExhaustedError(task_type=task_type) from error
        report_id: int | None = None
        if report is not None:
            report_id = await connection.fetchval(
                INSERT_REPORT,
                task_type,
                incumbent.version,
                incumbent.content,
                version,
                patch.content,
                report.failure_analysis,
                report.improvement_pct,
                report.triggered_by,
            )
    return Activation(prompt_id, version, report_id)


async def serve_task_type(
    connection: asyncpg.Connection, task_type: str, content: str
) -> tuple[int, bool]:
    """Let a text serve a task type that no prompt serves yet.

    Returns:
        The version that serves, and whether it is new; of two calls at once one inserts it.
    """
    async with connection.transaction():
        await connection.execute(LOCK_PROMPTS)
        serving = await load_serving_versions(connection)
        if task_type in serving:
            return serving[task_type], False
        [(_, version)] = await connection.fetch(
            INSERT_ACTIVE, task_type, content, "Task type enabled", CREATED_BY
        )
        return version, True
