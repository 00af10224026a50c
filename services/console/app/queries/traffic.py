"""Reads how a version does in live traffic, from what was counted by five minutes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

COUNT: Final = """
    SELECT coalesce(sum(requests), 0)::bigint AS requests, coalesce(sum(scored), 0) AS scored,
           coalesce(sum(passed), 0) AS passed, coalesce(sum(score_sum), 0) AS score_sum
    FROM selfheal.traffic
    WHERE task_type = $1 AND prompt_version = $2
      AND bucket > $3::timestamptz - interval '5 minutes' AND bucket < $4
      AND bucket > now() - interval '30 days'
"""
# Each prompt from its first activation until its number is used again; 90 days at most.
COUNT_PROMPTS: Final = """
    WITH served AS MATERIALIZED (
        SELECT id, version,
            least(created_at, (SELECT min(activated_at) FROM selfheal.activations a
                               WHERE a.prompt_id = one.id)) - interval '5 minutes' AS since,
            coalesce((SELECT min(created_at) FROM prompts later
                      WHERE later.task_type = one.task_type AND later.version = one.version
                        AND later.id > one.id), 'infinity') AS until
        FROM prompts one
        WHERE task_type = $1 AND id = ANY($2::integer[])
    )
    SELECT served.id, sum(t.requests)::bigint AS requests, sum(t.scored) AS scored,
           sum(t.passed) AS passed, sum(t.score_sum) AS score_sum
    FROM served
    JOIN selfheal.traffic t ON t.task_type = $1 AND t.prompt_version = served.version
        AND t.bucket > served.since AND t.bucket < served.until
        AND t.bucket > now() - interval '90 days'
    GROUP BY served.id
"""


@dataclass(frozen=True, slots=True)
class Performance:
    """What was counted of a version's answers; a scored one counts for as many as it stands for."""

    requests: int = 0
    scored: float = 0
    passed: float = 0
    score_sum: float = 0

    @property
    def pass_rate(self) -> float | None:
        """Share of the scored answers that passed, in [0, 1]; None without any."""
        return min(1.0, self.passed / self.scored) if self.scored > 0 else None

    @property
    def mean_score(self) -> float | None:
        """Mean score, in [0, 1]; None without a scored answer."""
        return self.score_sum / self.scored if self.scored > 0 else None


async def count_answers(
    connection: asyncpg.Connection, task_type: str, version: int, start: datetime, end: datetime
) -> Performance:
    """Count a version's answers between two moments, as far as 30 days back."""
    [counts] = await connection.fetch(COUNT, task_type, version, start, end)
    return Performance(**counts)


async def count_by_prompt(
    connection: asyncpg.Connection, task_type: str, prompt_ids: Sequence[int]
) -> dict[int, Performance]:
    """Count prompts' answers while they served, as far as 90 days back."""
    records = await connection.fetch(COUNT_PROMPTS, task_type, list(prompt_ids))
    rows = [dict(record) for record in records]
    return {row.pop("id"): Performance(**row) for row in rows}
