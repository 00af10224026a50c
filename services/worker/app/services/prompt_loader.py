"""Loads the prompt that serves now, on every request: what makes healing need no restart."""

from uuid import UUID

from services.common.database import Database
from services.common.errors import UnknownCandidateError, UnknownTaskTypeError
from services.common.models import PROMPT_COLUMNS, Prompt
from services.worker.app.services.arms import ROLLOUT_COLUMNS, ActivePrompt, read_active_prompt

SELECT_ACTIVE_PROMPT = f"""
    WITH serving AS (SELECT {PROMPT_COLUMNS}
        FROM prompts
        WHERE task_type = $1 AND is_active = TRUE
        -- Where a person left two active, the highest version serves.
        ORDER BY version DESC, id DESC
        LIMIT 1
    )
    SELECT serving.*, {ROLLOUT_COLUMNS}
    FROM serving
    LEFT JOIN selfheal.rollouts AS r
        ON r.task_type = $1 AND r.ended_at IS NULL AND r.incumbent_prompt_id = serving.id
"""
SELECT_ACTIVE_PROMPTS = f"""
    SELECT DISTINCT ON (task_type) {PROMPT_COLUMNS}
    FROM prompts
    WHERE is_active = TRUE
    ORDER BY task_type, version DESC, id DESC
"""
SELECT_ACTIVE_VERSIONS = """
    SELECT task_type, max(version) AS version
    FROM prompts
    WHERE is_active = TRUE
    GROUP BY task_type
    ORDER BY task_type
    LIMIT 200
"""
SELECT_SHARES = """
    SELECT task_type, share FROM selfheal.rollouts WHERE ended_at IS NULL
    ORDER BY task_type
    LIMIT 200
"""
SELECT_CANDIDATE = """
    SELECT content FROM selfheal.candidates WHERE id = $1 AND task_type = $2
"""


async def load_active_prompt(database: Database, task_type: str) -> ActivePrompt:
    """Read what serves `task_type` now, as on every request: a repair serves at once.

    Raises:
        UnknownTaskTypeError: If the task type has no active prompt; it names those that have.
        DatabaseUnavailableError: If the database gives no answer.
    """
    async with database.connection() as connection:
        record = await connection.fetchrow(SELECT_ACTIVE_PROMPT, task_type)
        if record is None:
            known = [row["task_type"] for row in await connection.fetch(SELECT_ACTIVE_VERSIONS)]
            raise UnknownTaskTypeError(task_type=task_type, known=known)
    return read_active_prompt(dict(record))


async def load_active_prompts(database: Database) -> list[Prompt]:
    """Read the prompts that serve now, one for each task type.

    Raises:
        DatabaseUnavailableError: If the database gives no answer.
    """
    async with database.connection() as connection:
        records = await connection.fetch(SELECT_ACTIVE_PROMPTS)
    return [Prompt(**record) for record in records]


async def load_active_versions(database: Database) -> dict[str, int]:
    """Read the active version of each task type; at most 200 task types.

    Raises:
        DatabaseUnavailableError: If the database gives no answer.
    """
    async with database.connection() as connection:
        records = await connection.fetch(SELECT_ACTIVE_VERSIONS)
    return {record["task_type"]: record["version"] for record in records}


async def load_shares(database: Database) -> dict[str, float]:
    """Read which share a candidate serves, by task type; at most 200 that have a rollout open.

    Raises:
        DatabaseUnavailableError: If the database gives no answer.
    """
    async with database.connection() as connection:
        records = await connection.fetch(SELECT_SHARES)
    return {record["task_type"]: record["share"] for record in records}


async def load_candidate(database: Database, candidate_id: UUID, task_type: str) -> str:
    """Read the text of a candidate that the Optimizer replays.

    Raises:
        UnknownCandidateError: If there is no such candidate for this task type.
        DatabaseUnavailableError: If the database gives no answer.
    """
    async with database.connection() as connection:
        content: str | None = await connection.fetchval(SELECT_CANDIDATE, candidate_id, task_type)
    if content is None:
        raise UnknownCandidateError(f"No candidate {candidate_id} for task type {task_type!r}.")
    return content
