"""The rows of the three tables, as `db/schema.sql` defines them."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from services.common.text import digest_text


@dataclass(frozen=True, slots=True)
class Prompt:
    """A row of `prompts`: a system prompt that serves or has served a task type."""

    id: int
    task_type: str
    content: str
    version: int
    is_active: bool
    change_reason: str | None
    created_by: str
    created_at: datetime

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hexadecimal: an edit by hand keeps the id and changes this."""
        return digest_text(self.content)


PROMPT_COLUMNS = ", ".join(column.name for column in fields(Prompt))


@dataclass(frozen=True, slots=True)
class ExecutionLog:
    """A row of `execution_logs`: one request, from input to score.

    `evaluation_score` is in [0, 1]; it and `evaluation_passed` are None where the answer
    could not be scored, which never counts as a failure of the prompt.
    """

    id: int
    request_id: UUID
    task_type: str
    user_input: str
    refined_input: str | None
    prompt_version: int | None
    worker_output: str | None
    worker_latency_ms: int | None
    evaluation_score: float | None
    evaluation_passed: bool | None
    evaluation_detail: dict[str, Any] | None
    error_message: str | None
    created_at: datetime


EXECUTION_COLUMNS = ", ".join(column.name for column in fields(ExecutionLog))


@dataclass(frozen=True, slots=True)
class OptimizationReport:
    """A row of `optimization_reports`: one repair, from the prompt before to the one after.

    `improvement_pct` is measured: 100 x (candidate's mean score - incumbent's) on the same
    inputs, in percentage points.
    """

    id: int
    task_type: str
    before_prompt_version: int
    before_prompt_content: str
    after_prompt_version: int
    after_prompt_content: str
    failure_analysis: dict[str, Any] | None
    improvement_pct: float | None
    triggered_by: str
    created_at: datetime
