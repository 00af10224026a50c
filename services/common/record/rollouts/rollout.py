"""Reads rollouts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.common.models import Prompt

COLUMNS: Final = """
    id, task_type, incumbent_prompt_id, incumbent_digest, candidate_id, content, reserved_version,
    steps, step, share, run_id, started_at, step_started_at, ended_at, outcome, reason, person,
    detail
"""
SELECT_OPEN: Final = f"""
    SELECT {COLUMNS} FROM selfheal.rollouts
    WHERE ended_at IS NULL AND ($1::text IS NULL OR task_type = $1)
    ORDER BY task_type
"""
SELECT_LATEST: Final = f"""
    SELECT {COLUMNS} FROM selfheal.rollouts
    WHERE $1::text IS NULL OR task_type = $1
    ORDER BY started_at DESC, id LIMIT $2
"""
SELECT_BY_ID: Final = f"""
    SELECT {COLUMNS} FROM selfheal.rollouts WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT 20
"""
IS_OPEN: Final = """
    SELECT EXISTS (SELECT FROM selfheal.rollouts WHERE ended_at IS NULL AND task_type = $1)
"""


@dataclass(frozen=True, slots=True)
class Rollout:
    """A row of `selfheal.rollouts`.

    Attributes:
        reserved_version: What its answers are logged under.
        steps: Shares of traffic in (0, 1], growing; the last is 1, which is the promotion.
        step: The index of the share in force.
        share: What it serves now; 0 while it is paused.
        run_id: The run that proved its text.
        reason: Why it ended; empty while it is open, and where it was promoted by itself.
        person: Who acted on it last; None where nobody did.
        detail: What its answers showed so far.
    """

    id: UUID
    task_type: str
    incumbent_prompt_id: int
    incumbent_digest: str
    candidate_id: UUID
    content: str
    reserved_version: int
    steps: tuple[float, ...]
    step: int
    share: float
    run_id: UUID
    started_at: datetime
    step_started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason: str
    person: str | None
    detail: dict[str, Any]

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.ended_at is None

    @property
    def is_paused(self) -> bool:
        """Whether a person holds it: it serves nobody, and is judged by nothing meanwhile."""
        return self.is_open and self.share == 0

    @property
    def is_at_last_step(self) -> bool:
        """Whether what comes next is to serve all of the traffic."""
        return self.step + 2 >= len(self.steps)

    def replaces(self, serving: Prompt | None) -> bool:
        """Tell whether what serves is still what it was proven against, by its row and its text."""
        ours = (self.incumbent_prompt_id, self.incumbent_digest)
        return serving is not None and (serving.id, serving.digest) == ours


async def load_open_rollouts(
    connection: asyncpg.Connection, task_type: str | None = None
) -> list[Rollout]:
    """Load the rollouts that go on, one a task type at most."""
    return [read_rollout(record) for record in await connection.fetch(SELECT_OPEN, task_type)]


async def load_rollouts(
    connection: asyncpg.Connection, task_type: str | None, *, limit: int
) -> list[Rollout]:
    """Load rollouts, the latest first."""
    return [
        read_rollout(record) for record in await connection.fetch(SELECT_LATEST, task_type, limit)
    ]


async def load_rollouts_by_id(
    connection: asyncpg.Connection, first: UUID, last: UUID
) -> list[Rollout]:
    """Load the rollouts whose ids lie between these two, 20 at most."""
    return [read_rollout(record) for record in await connection.fetch(SELECT_BY_ID, first, last)]


async def has_open_rollout(connection: asyncpg.Connection, task_type: str) -> bool:
    """Tell whether a text of the task type is being rolled out."""
    is_open: bool = await connection.fetchval(IS_OPEN, task_type)
    return is_open


def read_rollout(record: asyncpg.Record) -> Rollout:
    """Read a row of these columns."""
    return Rollout(**{**record, "steps": tuple(record["steps"])})
