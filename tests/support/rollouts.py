"""Opens rollouts, as the Optimizer does."""

from uuid import UUID, uuid4

import asyncpg

from services.common.models import PROMPT_COLUMNS, Prompt

INSERT = """
    INSERT INTO selfheal.rollouts (id, task_type, incumbent_prompt_id, incumbent_digest,
        candidate_id, content, reserved_version, steps, share, run_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, ARRAY[$8, 1]::real[], $8, $9)
"""


async def open_rollout(
    connection: asyncpg.Connection,
    *,
    share: float = 1.0,
    content: str = "Rolled out.",
    task_type: str = "code_generation",
    rollout_id: UUID | None = None,
) -> UUID:
    """Open a rollout in place of what serves; gives its id, by which arms are drawn."""
    rollout_id = rollout_id or uuid4()
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
    incumbent = prompt.id, prompt.digest
    await connection.execute(
        INSERT,
        rollout_id,
        task_type,
        *incumbent,
        rollout_id,
        content,
        version,
        share,
        uuid4(),
    )
    return rollout_id


async def end_rollout(connection: asyncpg.Connection, rollout_id: UUID) -> None:
    """End a rollout: its candidate serves nobody any more."""
    await connection.execute(
        "UPDATE selfheal.rollouts SET ended_at = now(), outcome = 'aborted' WHERE id = $1",
        rollout_id,
    )
