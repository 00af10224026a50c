"""Reads prompts: what serves, and the versions that have served."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.common.models import PROMPT_COLUMNS, Prompt
from services.common.record.active_prompt import BY_ACTIVE_PROMPT
from services.common.schemas import MAX_INPUT_CHARACTERS

SELECT_SERVING: Final = f"""
    SELECT {PROMPT_COLUMNS} FROM prompts WHERE task_type = $1 AND is_active
    ORDER BY version DESC, id DESC LIMIT 1
"""
SELECT_PROMPT: Final = f"SELECT {PROMPT_COLUMNS} FROM prompts WHERE id = $1"
# A page's texts are cut: a list shows how they begin.
SELECT_PAGE: Final = f"""
    SELECT {PROMPT_COLUMNS.replace("content", "left(content, 200) AS content")}
    FROM prompts
    WHERE task_type = $1 AND ($2::bigint IS NULL OR id < $2)
    ORDER BY id DESC LIMIT $3
"""
SELECT_ACTIVATIONS: Final = """
    SELECT activated_at FROM selfheal.activations WHERE prompt_id = $1
    ORDER BY activated_at DESC LIMIT 20
"""
SELECT_RUNS: Final = """
    SELECT r.id, r.decision, r.created_at
    FROM selfheal.healing_runs r
    WHERE r.task_type = $1 AND (r.incumbent_prompt_id = $2 OR r.candidate_id IN (
        SELECT candidate_id FROM selfheal.watches WHERE prompt_id = $2))
    ORDER BY r.created_at DESC LIMIT 20
"""
# The latest failures of what serves; which of them are alike is seen by whoever chooses.
SELECT_FAILING: Final = f"""
    SELECT DISTINCT ON (user_input) user_input, request_id
    FROM (
        SELECT user_input, request_id, created_at, evaluation_passed FROM execution_logs
        WHERE task_type = $1 AND prompt_version = $2 AND evaluation_passed IS NOT NULL
          AND {BY_ACTIVE_PROMPT} AND created_at > now() - interval '1 day'
        ORDER BY created_at DESC LIMIT 5000
    ) latest
    WHERE evaluation_passed IS FALSE AND length(user_input) BETWEEN 1 AND $3
    ORDER BY user_input, created_at DESC LIMIT $4
"""


async def load_serving(connection: asyncpg.Connection, task_type: str) -> Prompt | None:
    """Load what serves a task type; None where nothing does."""
    record = await connection.fetchrow(SELECT_SERVING, task_type)
    return Prompt(**record) if record else None


async def load_prompt(connection: asyncpg.Connection, prompt_id: int) -> Prompt | None:
    """Load a prompt; None where its row isn't there."""
    record = await connection.fetchrow(SELECT_PROMPT, prompt_id)
    return Prompt(**record) if record else None


async def load_page(
    connection: asyncpg.Connection, task_type: str, *, before_id: int | None, limit: int
) -> list[Prompt]:
    """Load a task type's prompts with the beginnings of their texts, the latest first."""
    records = await connection.fetch(SELECT_PAGE, task_type, before_id, limit)
    return [Prompt(**record) for record in records]


async def load_history(
    connection: asyncpg.Connection, prompt: Prompt
) -> tuple[list[Any], Sequence[asyncpg.Record]]:
    """Load when a prompt began to serve, and the runs that looked at it or made it; 20 each."""
    began = await connection.fetch(SELECT_ACTIVATIONS, prompt.id)
    runs = await connection.fetch(SELECT_RUNS, prompt.task_type, prompt.id)
    return [row["activated_at"] for row in began], runs


async def load_failing(
    connection: asyncpg.Connection, serving: Prompt, limit: int
) -> list[tuple[str, UUID]]:
    """Load inputs that what serves has failed within a day, with a request each."""
    records = await connection.fetch(
        SELECT_FAILING, serving.task_type, serving.version, MAX_INPUT_CHARACTERS, limit
    )
    return [(row["user_input"], row["request_id"]) for row in records]
