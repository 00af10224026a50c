"""Opens rollouts, as the Optimizer does, and reads what became of them."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.common.models import PROMPT_COLUMNS, Prompt
from services.common.record.outcomes import HealingOutcome
from services.common.record.rollouts.rollout import Rollout, load_rollouts

INSERT = """
    INSERT INTO selfheal.rollouts (id, task_type, incumbent_prompt_id, incumbent_digest,
        candidate_id, content, reserved_version, steps, share, run_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, ARRAY[$8, 1]::real[], $8, $9)
"""

# How the guide's demo is healed where there are several steps.
CANARY = HealingOutcome("canary", "better", 99, "prompt")
# What the gate never asked, without a word in common.
LATER = """amber basil cedar delta ember fjord grove haven inlet jetty knoll larch
    maple north
    apple bread clock dwarf eagle flute globe hotel igloo
    ocean pearl quail raven stone tulip umber vapor wheat xenon yacht zebra""".split()


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


async def ask(
    log_result: Callable[..., Awaitable[None]], rollout: Rollout, texts: Iterable[str]
) -> None:
    """Log what was asked and answered by what serves alone."""
    for text in texts:
        worker = {"rollout": str(rollout.id), "arm": "incumbent", "unit": text}
        await log_result(text, detail={"worker": worker})


async def state(connection: asyncpg.Connection) -> tuple[Any, ...]:
    """Tell of the only rollout how it ended and why, its step and its share."""
    [row] = await load_rollouts(connection, None, limit=5)
    return row.outcome, row.reason, row.step, round(row.share, 2)


async def run_of(connection: asyncpg.Connection) -> asyncpg.Record:
    """Read the only healing run."""
    [row] = await connection.fetch("SELECT * FROM selfheal.healing_runs")
    return row
