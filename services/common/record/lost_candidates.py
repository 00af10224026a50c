"""Remembers which texts lost, so that no run tries them again too soon."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.common.models import Prompt
from services.common.record.healing_runs import set_outcome

LOST = "lost"
# Texts that lost, or that a person turned down, within a day; and texts that were rolled back
# where they stood in for this very text, however long ago.
SELECT_LOST = """
    SELECT c.content, c.outcome <> 'lost' AS is_banned
    FROM selfheal.candidates c
    LEFT JOIN prompts p ON p.id = c.incumbent_prompt_id
    WHERE c.task_type = $1
      AND (
          (c.outcome IN ('lost', 'rejected') AND c.decided_at > now() - interval '1 day')
          OR (c.outcome = 'rolled_back' AND p.content = $2)
      )
    ORDER BY c.decided_at DESC
    LIMIT 500
"""
# Texts that were only tried on the way, and incumbents' copies, are of no use to anyone later.
DELETE_OLD = """
    DELETE FROM selfheal.candidates
    WHERE outcome IS NULL AND created_at < now() - interval '1 day'
"""


@dataclass(frozen=True, slots=True)
class LostTexts:
    """Texts that aren't tried.

    Attributes:
        recent: Those that lost lately; one that has served well may be tried all the same.
        banned: Those that a person rejected or that were rolled back: not tried even then.
    """

    recent: frozenset[str]
    banned: frozenset[str]


async def load_lost(connection: asyncpg.Connection, incumbent: Prompt) -> LostTexts:
    """Load the texts that aren't tried in place of this prompt."""
    records = await connection.fetch(SELECT_LOST, incumbent.task_type, incumbent.content)
    return LostTexts(
        frozenset(row["content"] for row in records if not row["is_banned"]),
        frozenset(row["content"] for row in records if row["is_banned"]),
    )


async def note_lost(connection: asyncpg.Connection, candidate_ids: list[UUID]) -> None:
    """Remember candidates that were no better than the incumbent; forget old passing trials."""
    if candidate_ids:
        await set_outcome(connection, candidate_ids, LOST)
    await connection.execute(DELETE_OLD)
