"""What a soak reads from the database and does to it."""

from dataclasses import dataclass
from typing import Any, Final

from benchmarks.healing.lane.database import DEACTIVATE, DEPLOY
from benchmarks.open_load import SELECT_LANDED, TASK_TYPE, Landed, Sent, count_landed
from benchmarks.soak.figures import Serving
from services.common.database import connect

TIMEOUT_SECONDS: Final = 60.0
SELECT_SIZE = "SELECT pg_database_size(current_database())"
SELECT_SEED = "SELECT content FROM prompts WHERE task_type = $1 ORDER BY id LIMIT 1"
IS_HEALING = """
    SELECT count(*) > 0 FROM selfheal.leases
    WHERE name = 'heal ' || $1 AND holder <> '' AND held_until > now()
"""
COUNT_PENDING = "SELECT count(*) FROM selfheal.pending_scores"
# An answer belongs to the time in which its row was written; a canary's candidate's to none.
SELECT_SERVED = """
    WITH served AS (
        SELECT id, prompt_id, version, activated_at AS since,
               lead(activated_at) OVER (ORDER BY id) AS until
        FROM selfheal.activations WHERE task_type = $1
    )
    SELECT s.prompt_id, s.since, count(l.evaluation_passed) AS scored,
           count(*) FILTER (WHERE l.evaluation_passed) AS passed
    FROM served AS s LEFT JOIN (
        SELECT * FROM execution_logs AS own WHERE NOT EXISTS (
            SELECT FROM selfheal.rollout_answers
            WHERE execution_id = own.id AND arm = 'candidate'
        )
    ) AS l ON l.task_type = $1 AND l.prompt_version = s.version AND l.created_at >= s.since
         AND (s.until IS NULL OR l.created_at < s.until)
    GROUP BY s.id, s.prompt_id, s.since ORDER BY s.id
"""
# What heals and canaries came to, by the prompt that was to be replaced.
SELECT_OUTCOMES = """
    SELECT incumbent_prompt_id AS prompt_id, decision || ': ' || reason AS outcome,
           0::float AS canary_seconds, created_at
    FROM selfheal.healing_runs WHERE task_type = $1
    UNION ALL
    SELECT incumbent_prompt_id, 'canary ' || coalesce(outcome, 'is open') || ': ' || reason,
           extract(epoch FROM coalesce(ended_at, now()) - started_at)::float, started_at
    FROM selfheal.rollouts WHERE task_type = $1 ORDER BY created_at
"""


@dataclass(frozen=True, slots=True)
class SoakDatabase:
    """The database of a system under a soak; each call has a connection of its own."""

    url: str

    async def seed_prompt(self) -> str:
        """Read the text of the first prompt."""
        return str(await self._fetch_value(SELECT_SEED, TASK_TYPE))

    async def deploy(self, text: str) -> int:
        """Put a prompt into service, as a person would; returns its id."""
        async with (
            connect(self.url, timeout_seconds=TIMEOUT_SECONDS) as connection,
            connection.transaction(),
        ):
            await connection.execute(DEACTIVATE, TASK_TYPE)
            return int(await connection.fetchval(DEPLOY, TASK_TYPE, text))

    async def is_healing(self) -> bool:
        """Tell whether a heal is under way."""
        return bool(await self._fetch_value(IS_HEALING, TASK_TYPE))

    async def size_bytes(self) -> int:
        """Read the size of the database, indexes and what was deleted included."""
        return int(await self._fetch_value(SELECT_SIZE))

    async def count_pending(self) -> int:
        """Count the answers that wait for their scores."""
        return int(await self._fetch_value(COUNT_PENDING))

    async def count_landed(self, sent: list[Sent]) -> Landed:
        """Count what the log has of requests."""
        return count_landed(
            sent, await self._fetch(SELECT_LANDED, [one.request_id for one in sent])
        )

    async def served(self) -> list[Serving]:
        """Read which prompts served, in their order, and how their answers did."""
        return [Serving(**row) for row in await self._fetch(SELECT_SERVED, TASK_TYPE)]

    async def outcomes(self) -> list[dict[str, Any]]:
        """Read what heals and canaries came to, in their order."""
        return await self._fetch(SELECT_OUTCOMES, TASK_TYPE)

    async def _fetch(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with connect(self.url, timeout_seconds=TIMEOUT_SECONDS) as connection:
            return [dict(row) for row in await connection.fetch(statement, *values)]

    async def _fetch_value(self, statement: str, *values: Any) -> Any:
        async with connect(self.url, timeout_seconds=TIMEOUT_SECONDS) as connection:
            return await connection.fetchval(statement, *values)
