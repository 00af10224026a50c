"""Reads which evaluators gave scores, and when."""

from typing import Any

import asyncpg

MAX_FINGERPRINTS = 100
SELECT_FINGERPRINTS = """
    SELECT task_type, fingerprint, first_seen, last_seen,
           last_seen = max(last_seen) OVER (PARTITION BY task_type) AS is_latest
    FROM selfheal.fingerprints
    WHERE $1::text[] IS NULL OR task_type = ANY ($1)
    ORDER BY first_seen DESC, task_type
    LIMIT $2
"""


async def load_fingerprints(
    connection: asyncpg.Connection, task_types: list[str] | None
) -> list[asyncpg.Record]:
    """Load the fingerprints of scores, the newest change first."""
    rows: list[Any] = await connection.fetch(SELECT_FINGERPRINTS, task_types, MAX_FINGERPRINTS)
    return rows
