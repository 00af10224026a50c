"""Reads what was logged, counted by five minutes: thirty days without a look at the log."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

BUCKET: Final = timedelta(minutes=5)
# Sums of whole numbers as floats: those of BIGINT become numeric, which is slow.
COLUMNS: Final = """
    sum(requests)::int AS requests, sum(unscored)::int AS unscored,
    sum(scored) AS scored, sum(passed) AS passed,
    sum(score_sum) / nullif(sum(scored), 0) AS score_mean,
    sum(latency_ms_sum::float) / nullif(sum(timed), 0) AS latency_ms_mean,
    sum(input_tokens::float)::bigint AS input_tokens,
    sum(output_tokens::float)::bigint AS output_tokens
"""


def _select_points(*, by_task_type: bool, by_version: bool) -> str:
    return f"""
        SELECT date_bin(make_interval(secs => $1), bucket, $2) AS at,
               {"task_type" if by_task_type else "$4::text"} AS task_type,
               {"prompt_version" if by_version else "NULL::int"} AS prompt_version,
               {COLUMNS}
        FROM selfheal.traffic
        WHERE bucket >= $2 AND bucket < $3 AND ($4::text IS NULL OR task_type = $4)
        GROUP BY 1, 2, 3
        ORDER BY 1, 2, 3
    """


@dataclass(frozen=True, slots=True)
class TrafficPoint:
    """What was logged in a step of time.

    Attributes:
        at: Where the step begins.
        task_type: Which; None for all together.
        prompt_version: Of which prompt; None for all, or for what no active prompt answered.
        unscored: Those that should have had a score and got an error.
        scored: How many answers the scored ones stand for; `passed` likewise.
        score_mean: In [0, 1]; None where nothing was scored.
        latency_ms_mean: Of those whose time is known; None where there are none.
    """

    at: datetime
    task_type: str | None
    prompt_version: int | None
    requests: int
    unscored: int
    scored: float
    passed: float
    score_mean: float | None
    latency_ms_mean: float | None
    input_tokens: int
    output_tokens: int

    @property
    def pass_rate(self) -> float | None:
        """The share that passed, in [0, 1]; None where nothing was scored."""
        return self.passed / self.scored if self.scored else None


async def load_traffic(
    connection: asyncpg.Connection,
    task_type: str | None,
    start: datetime,
    end: datetime,
    step_seconds: int,
    *,
    by_task_type: bool = False,
    by_version: bool = False,
) -> list[TrafficPoint]:
    """Load what was logged from `start` to `end`, a point a step; steps without traffic lack.

    The latest ten seconds may not be counted yet. The first step begins with the five minutes
    that `start` falls into, the last is the one with `end`.

    Args:
        task_type: Which; None for all.
        step_seconds: Length of a step, a multiple of 300.
        by_task_type: Whether each task type has points of its own, or all have them together.
        by_version: Whether each version of the prompt has points of its own.
    """
    query = _select_points(by_task_type=by_task_type, by_version=by_version)
    first = floor_to_bucket(start)
    records = await connection.fetch(query, step_seconds, first, end, task_type)
    return [TrafficPoint(**record) for record in records]


def floor_to_bucket(moment: datetime) -> datetime:
    """Return the beginning of the five minutes that a moment falls into."""
    return moment - timedelta(
        minutes=moment.minute % 5, seconds=moment.second, microseconds=moment.microsecond
    )
