"""Reads prompts: those that serve, and those that have served."""

import asyncpg

from services.common.models import PROMPT_COLUMNS, Prompt

SELECT_PROMPTS = f"""
    SELECT {PROMPT_COLUMNS} FROM prompts WHERE task_type = $1 ORDER BY id DESC LIMIT 500
"""
SELECT_REPAIRED_TEXTS = """
    SELECT DISTINCT before_prompt_content FROM optimization_reports WHERE task_type = $1
"""
SELECT_SERVING = """
    SELECT task_type, max(version) AS version FROM prompts WHERE is_active GROUP BY task_type
"""
HAS_ROWS = """
    SELECT EXISTS (SELECT 1 FROM prompts WHERE task_type = $1)
        OR EXISTS (SELECT 1 FROM selfheal.healing_runs WHERE task_type = $1)
"""
# The highest active version serves; the others that a person may have left active don't.
SELECT_ACTIVE_PROMPTS = f"""
    SELECT DISTINCT ON (task_type) {PROMPT_COLUMNS}
    FROM prompts
    WHERE is_active = TRUE
    ORDER BY task_type, version DESC, id DESC
"""
CREATED_BY = "operator"


def write_digest(column: str) -> str:
    """Write SQL that gives the SHA-256 of a text, as `Prompt.digest` does."""
    return f"encode(sha256(convert_to({column}, 'UTF8')), 'hex')"


async def load_active_prompts(connection: asyncpg.Connection) -> list[Prompt]:
    """Load the prompt that serves each task type now."""
    return [Prompt(**record) for record in await connection.fetch(SELECT_ACTIVE_PROMPTS)]


async def load_prompts(connection: asyncpg.Connection, task_type: str) -> list[Prompt]:
    """Load the prompts that serve or have served a task type, the latest first, 500 at most."""
    return [Prompt(**record) for record in await connection.fetch(SELECT_PROMPTS, task_type)]


async def load_repaired_texts(connection: asyncpg.Connection, task_type: str) -> list[str]:
    """Load the texts that lost to a repair on replayed inputs."""
    return [row[0] for row in await connection.fetch(SELECT_REPAIRED_TEXTS, task_type)]


async def load_serving_versions(connection: asyncpg.Connection) -> dict[str, int]:
    """Load the version that serves each task type."""
    return {row["task_type"]: row["version"] for row in await connection.fetch(SELECT_SERVING)}


async def has_rows(connection: asyncpg.Connection, task_type: str) -> bool:
    """Tell whether a prompt or a run has a task type of that name."""
    return "\x00" not in task_type and bool(await connection.fetchval(HAS_ROWS, task_type))
