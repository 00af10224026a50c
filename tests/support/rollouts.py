"""Opens rollouts, as the Optimizer does."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.common.models import PROMPT_COLUMNS, Prompt

INSERT = """
    INSERT INTO selfheal.rollouts (task_type, incumbent_prompt_id, incumbent_digest, candidate_id,
        content, reserved_version, steps, share, run_id)
    VALUES ($1, $2, $3, $4, $5, $6, ARRAY[$7, 1]::real[], $7, $8)
    RETURNING id
"""


async def open_rollout(
    connection: asyncpg.Connection,
    *,
    share: float = 1.0,
    content: str = "Rolled out.",
    task_type: str = "code_generation",
) -> UUID:
    """Open a rollout in place of what serves; gives its id."""
    prompt = Prompt(
        **await connection.fetchrow(
            f"SELECT {PROMPT_COLUMNS} FROM prompts WHERE task_type = $1 AND is_active "
            "ORDER BY version DESC, id DESC LIMIT 1",
            task_type,
        )
    )
    version = await connection.fetchval(
        "SELECT max(version) + 1 FROM prompts WHERE task_type = $1", task_type
    )
    told: Any = await connection.fetchval(
        INSERT, task_type, prompt.id, prompt.digest, uuid4(), content, version, share, uuid4()
    )
    return UUID(str(told))


async def end_rollout(connection: asyncpg.Connection, rollout_id: UUID) -> None:
    """End a rollout: its candidate serves nobody any more."""
    await connection.execute(
        "UPDATE selfheal.rollouts SET ended_at = now(), outcome = 'aborted' WHERE id = $1",
        rollout_id,
    )
