"""Finds what has waited for answers for a day: watches, and texts that serve a share of traffic."""

from typing import Final

import asyncpg

from services.optimizer.app.services.telling.notification import (
    CANARY_WAITS,
    WATCH_WAITS,
    Notification,
)

# A watch that has seen no pair yet has noted nothing.
SELECT_WAITING: Final = """
    SELECT $1 AS event, w.task_type, p.version, w.id::text AS waiter, '' AS run_id
    FROM selfheal.watches w JOIN prompts p ON p.id = w.prompt_id AND p.is_active
    WHERE w.ended_at IS NULL AND w.started_at <= now() - interval '1 day'
      AND coalesce(w.detail ->> 'lacks', 'answers') = 'answers'
    UNION ALL
    SELECT $2, r.task_type, p.version, r.id::text || ' ' || r.step, r.run_id::text
    FROM selfheal.rollouts r JOIN prompts p ON p.id = r.incumbent_prompt_id
    WHERE r.ended_at IS NULL AND r.share > 0 AND r.step_started_at <= now() - interval '1 day'
    ORDER BY 1, 2
"""
LACKS_ANSWERS: Final = "lacks_answers"


async def find_waiting(connection: asyncpg.Connection) -> list[Notification]:
    """Find what has waited for a day, to be told once a day each."""
    rows = await connection.fetch(SELECT_WAITING, WATCH_WAITS, CANARY_WAITS)
    return [
        Notification(
            row["event"],
            row["task_type"],
            version=row["version"],
            reason=LACKS_ANSWERS,
            run_id=row["run_id"],
            prompt_digest=row["waiter"],
        )
        for row in rows
    ]
