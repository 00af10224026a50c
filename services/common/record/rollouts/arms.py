"""Counts what the two arms of a rollout answered."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from services.common.record.main_model import BY_MAIN_MODEL

MAX_ANSWERS: Final = 10_000
SELECT_FIGURES: Final = f"""
    SELECT arm, count(*) AS answers, count(evaluation_passed) AS scored,
           count(*) FILTER (WHERE evaluation_passed) AS passed,
           avg(evaluation_score) FILTER (
               WHERE evaluation_passed IS NOT NULL AND evaluation_score BETWEEN 0 AND 1
           )::float8 AS mean_score
    FROM (
        SELECT execution_id, arm FROM selfheal.rollout_answers
        WHERE rollout_id = $1 ORDER BY execution_id DESC LIMIT {MAX_ANSWERS}
    ) AS latest
    JOIN execution_logs ON execution_logs.id = execution_id
    WHERE {BY_MAIN_MODEL}
    GROUP BY arm ORDER BY arm
"""


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """What one arm came to, each of its answers counted.

    Attributes:
        arm: `candidate` or `incumbent`.
        mean_score: Mean of the scored ones, in [0, 1]; None without any.
    """

    arm: str
    answers: int
    scored: int
    passed: int
    mean_score: float | None


async def load_arm_figures(connection: asyncpg.Connection, rollout_id: UUID) -> list[ArmFigures]:
    """Count the main model's answers on each arm that has any, the latest 10,000 at most."""
    return [ArmFigures(**one) for one in await connection.fetch(SELECT_FIGURES, rollout_id)]
