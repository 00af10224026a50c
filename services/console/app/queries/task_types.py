"""Reads what serves each task type, and how near its traffic is to its golden inputs."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from services.common.proof.input_clusters import cluster_inputs
from services.common.task_types import GoldenInputs

MAX_ROWS = 300
# To compare them takes time by the square of their number: 0.2 s where all are long and unlike.
MAX_INPUTS = 100
MAX_INPUT_CHARACTERS = 1_000
MAX_UNCOVERED = 5
SELECT_TASK_TYPES = """
    SELECT DISTINCT task_type FROM prompts
    WHERE $1::text[] IS NULL OR task_type = ANY($1)
    ORDER BY task_type LIMIT 500
"""
# Of its latest versions each, since the log has no index by task type alone.
SELECT_RECENT_INPUTS = """
    SELECT left(logged.user_input, $2) AS input, logged.created_at
    FROM (
        SELECT DISTINCT version FROM (
            SELECT version FROM prompts WHERE task_type = $1 ORDER BY version DESC LIMIT 5
        ) latest
    ) versions
    CROSS JOIN LATERAL (
        SELECT user_input, created_at FROM execution_logs
        WHERE task_type = $1 AND prompt_version = versions.version
          AND evaluation_passed IS NOT NULL AND user_input <> ''
        ORDER BY created_at DESC
        LIMIT $3
    ) logged
    ORDER BY logged.created_at DESC
    LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what was asked lately is like a golden input.

    Attributes:
        inputs: Distinct inputs that were looked at, the newest ones.
        covered: Those that say nearly the same as a golden input.
        uncovered: Groups of like inputs that no golden input is near: how many, and one of them.
    """

    inputs: int
    covered: int
    uncovered: tuple[tuple[int, str], ...]


async def load_task_types(
    connection: asyncpg.Connection, task_types: list[str] | None
) -> list[str]:
    """Load the names of the task types that have a prompt, of those that may be seen."""
    return [row["task_type"] for row in await connection.fetch(SELECT_TASK_TYPES, task_types)]


async def load_recent_inputs(connection: asyncpg.Connection, task_type: str) -> list[str]:
    """Load the latest scored requests' distinct inputs, the newest first, long ones cut."""
    rows = await connection.fetch(SELECT_RECENT_INPUTS, task_type, MAX_INPUT_CHARACTERS, MAX_ROWS)
    return list(dict.fromkeys(row["input"] for row in rows))[:MAX_INPUTS]


def measure_coverage(golden: GoldenInputs, recent: Sequence[str]) -> Coverage:
    """Group recent inputs with golden ones, as a proof groups inputs that say nearly the same."""
    known = [text[:MAX_INPUT_CHARACTERS] for text in (*golden.choosing, *golden.verdict)]
    texts = [*known, *recent]
    clusters = cluster_inputs(texts, most_clusters=len(texts))
    uncovered = [cluster for cluster in clusters if cluster[0] >= len(known)]
    largest = sorted(uncovered, key=len, reverse=True)[:MAX_UNCOVERED]
    return Coverage(
        inputs=len(recent),
        covered=len(recent) - sum(map(len, uncovered)),
        uncovered=tuple((len(cluster), texts[cluster[0]]) for cluster in largest),
    )
