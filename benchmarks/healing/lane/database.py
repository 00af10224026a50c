"""Reads and writes a lane's database: the seed, a deployment, the records of healing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from benchmarks.temporary_postgres import EMPTY_TABLES
from services.common.database import Database

TASK_TYPE: Final = "code_generation"
FAILURES_TO_TRIGGER: Final = 3
INSERT_FIRST = """
    INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by)
    VALUES ($1, $2, 1, TRUE, 'Initial seed prompt', 'system')
"""
DEACTIVATE = "UPDATE prompts SET is_active = FALSE WHERE task_type = $1 AND is_active"
DEPLOY = """
    INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by)
    SELECT $1::varchar, $2, max(version) + 1, TRUE, 'deploy', 'benchmark'
    FROM prompts WHERE task_type = $1::varchar
    RETURNING id
"""
SELECT_SERVING = """
    SELECT id, version, content, created_by FROM prompts
    WHERE task_type = $1 AND is_active ORDER BY version DESC LIMIT 1
"""
SELECT_FIRST_AFTER = """
    SELECT id, version, content, created_by FROM prompts
    WHERE task_type = $1 AND id > $2 ORDER BY id LIMIT 1
"""
COUNT_ACTIVE = "SELECT count(*) FROM prompts WHERE task_type = $1 AND is_active"
SELECT_RUNS = """
    SELECT r.decision, r.reason, r.incumbent_prompt_id, r.detail, r.created_at, c.strategy,
           c.content
    FROM selfheal.healing_runs r LEFT JOIN selfheal.candidates c ON c.id = r.candidate_id
    WHERE r.task_type = $1 ORDER BY r.created_at
"""
COUNT_REQUESTS = """
    SELECT count(*) FROM execution_logs
    WHERE task_type = $1 AND created_at >= $2 AND created_at < $3
"""
SELECT_THIRD_FAILURE = """
    SELECT created_at FROM execution_logs
    WHERE task_type = $1 AND evaluation_passed = FALSE AND created_at >= $2
    ORDER BY created_at OFFSET $3 LIMIT 1
"""
SELECT_ACTIVATED_AT = "SELECT max(activated_at) FROM selfheal.activations WHERE prompt_id = $1"
SELECT_CONTENT = "SELECT content FROM prompts WHERE id = $1"
SELECT_SHARE = """
    SELECT share FROM selfheal.rollouts WHERE task_type = $1 AND ended_at IS NULL
"""
INSERT_CANDIDATE = """
    INSERT INTO selfheal.candidates (task_type, content, strategy, incumbent_prompt_id)
    VALUES ($1, $2, 'benchmark', 0) RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Serving:
    """The prompt that serves."""

    id: int
    version: int
    content: str
    created_by: str


@dataclass(frozen=True, slots=True)
class HealingRun:
    """A row of `selfheal.healing_runs`.

    Attributes:
        decision: `promoted`, `held` and so on.
        reason: Why.
        prompt_id: The prompt that was looked at.
        detail: All of it.
        ended_at: When it was over.
        strategy: Where the candidate came from; empty without one.
        content: The candidate; empty without one.
    """

    decision: str
    reason: str
    prompt_id: int
    detail: dict[str, Any]
    ended_at: datetime
    strategy: str
    content: str = ""

    @property
    def started_at(self) -> datetime:
        """Time at which the run began."""
        return self.ended_at - timedelta(seconds=self.seconds)

    @property
    def verdict(self) -> str:
        """The attribution; empty where there is none."""
        return str((self.detail.get("attribution") or {}).get("verdict", ""))

    @property
    def calls(self) -> int:
        """Number of calls that the run made to the Worker."""
        return int((self.detail.get("cost") or {}).get("worker_calls", 0))

    @property
    def seconds(self) -> float:
        """Duration of the run by the clock."""
        return float((self.detail.get("cost") or {}).get("seconds", 0.0))


class LaneDatabase:
    """One lane's database; its pool outlives a restart of the server.

    Args:
        url: Where it is.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url, timeout_seconds=30)

    async def open(self) -> None:
        """Open the pool of connections."""
        await self._database.open()

    async def close(self) -> None:
        """Close the pool of connections."""
        await self._database.close()

    async def is_ready(self) -> bool:
        """Tell whether the server answers."""
        return not await self._database.find_obstacle()

    async def seed_prompt(self) -> str:
        """Read the seed prompt's text from `db/schema.sql`."""
        return (await self.serving()).content

    async def reset(self, prompt: str) -> None:
        """Leave nothing but this one prompt."""
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(EMPTY_TABLES)
            await connection.execute(INSERT_FIRST, TASK_TYPE, prompt)

    async def deploy(self, prompt: str) -> None:
        """Put another prompt into service, as a person would."""
        async with self._database.connection() as connection, connection.transaction():
            await connection.execute(DEACTIVATE, TASK_TYPE)
            await connection.execute(DEPLOY, TASK_TYPE, prompt)

    async def serving(self) -> Serving:
        """Read the prompt that serves now."""
        return Serving(**dict(await self._fetch_row(SELECT_SERVING, TASK_TYPE)))

    async def prompt_after(self, prompt_id: int) -> Serving:
        """Read the first prompt that was put into service after another."""
        return Serving(**dict(await self._fetch_row(SELECT_FIRST_AFTER, TASK_TYPE, prompt_id)))

    async def now(self) -> datetime:
        """Read the time of the server's clock."""
        moment: datetime = await self._fetch_value("SELECT clock_timestamp()")
        return moment

    async def count_active(self) -> int:
        """Count the active prompts of the task type."""
        return int(await self._fetch_value(COUNT_ACTIVE, TASK_TYPE))

    async def count_requests(self, start: datetime, end: datetime) -> int:
        """Count the requests that were logged from `start` to before `end`."""
        return int(await self._fetch_value(COUNT_REQUESTS, TASK_TYPE, start, end))

    async def third_failure(self, start: datetime) -> datetime | None:
        """Read the time of the third failure since `start`; None where there were fewer."""
        moment: datetime | None = await self._fetch_value(
            SELECT_THIRD_FAILURE, TASK_TYPE, start, FAILURES_TO_TRIGGER - 1
        )
        return moment

    async def activated_at(self, prompt_id: int) -> datetime:
        """Read the time at which a prompt began to serve."""
        moment: datetime = await self._fetch_value(SELECT_ACTIVATED_AT, prompt_id)
        return moment

    async def register(self, text: str) -> UUID:
        """Let the Worker generate with a text."""
        candidate: UUID = await self._fetch_value(INSERT_CANDIDATE, TASK_TYPE, text)
        return candidate

    async def healing_runs(self) -> list[HealingRun]:
        """Read the records of the Optimizer's runs, the first one first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SELECT_RUNS, TASK_TYPE)
        return [
            HealingRun(
                decision=row["decision"],
                reason=row["reason"],
                prompt_id=row["incumbent_prompt_id"],
                detail=row["detail"],
                ended_at=row["created_at"],
                strategy=row["strategy"] or "",
                content=row["content"] or "",
            )
            for row in rows
        ]

    async def content_of(self, prompt_id: int) -> str:
        """Read the text of a prompt."""
        return str(await self._fetch_value(SELECT_CONTENT, prompt_id))

    async def canary_share(self) -> float | None:
        """Read what share of the traffic a canary serves; None while there is none."""
        share: float | None = await self._fetch_value(SELECT_SHARE, TASK_TYPE)
        return share

    async def _fetch_row(self, statement: str, *values: Any) -> asyncpg.Record:
        async with self._database.connection() as connection:
            (row,) = await connection.fetch(statement, *values)
        return row

    async def _fetch_value(self, statement: str, *values: Any) -> Any:
        async with self._database.connection() as connection:
            return await connection.fetchval(statement, *values)
