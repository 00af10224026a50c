"""Counts whole buckets of the log anew, into `selfheal.traffic` and `selfheal.fingerprints`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from services.common.record.weights import WEIGHT

TIMEOUT_SECONDS: Final = 60.0
# Counts older than that are forgotten.
KEPT: Final = timedelta(days=400)
FROZEN: Final = "frozen "
WEIGHED_SCORE: Final = "weight * least(greatest(evaluation_score, 0), 1)"


def _round(weight: str, condition: str) -> str:
    """Write a sum that is the same in whatever order the rows come."""
    return f"coalesce(round((sum({weight}) FILTER (WHERE {condition}))::numeric, 9), 0)::float"


# Whether a task type's counts from before some time stay as they are: rows of it were removed.
IS_FROZEN: Final = f"""EXISTS (
    SELECT FROM selfheal.leases AS f WHERE f.name = '{FROZEN}' || {{0}}.task_type
                                       AND f.position > {{0}}.{{1}}
)"""
# Row by row in the conversations' key: a plan that can't know how short the range is would read
# the whole table. Rows that are as they were aren't written. What another text than the active
# prompt answered, in a rollout, is of no version: a prompt may have its number.
COUNT: Final = f"""
    WITH counted AS (
        SELECT task_type, date_bin('5 minutes', created_at, '2000-01-01Z') AS bucket,
               CASE WHEN a.arm IS NULL THEN prompt_version END AS prompt_version,
               count(*) AS requests,
               count(*) FILTER (WHERE evaluation_passed IS NULL AND error_message IS NOT NULL)
                   AS unscored,
               {_round("weight", "evaluation_passed IS NOT NULL")} AS scored,
               {_round("weight", "evaluation_passed")} AS passed,
               {_round(WEIGHED_SCORE, "evaluation_passed IS NOT NULL")} AS score_sum,
               count(worker_latency_ms) AS timed,
               coalesce(sum(worker_latency_ms), 0) AS latency_ms_sum,
               coalesce(sum(input_tokens), 0) AS input_tokens,
               coalesce(sum(output_tokens), 0) AS output_tokens
        FROM execution_logs AS l
        LEFT JOIN LATERAL (
            SELECT c.inclusion_probability, input_tokens, output_tokens
            FROM selfheal.conversations AS c WHERE c.execution_id = l.id LIMIT 1
        ) AS c ON TRUE
        LEFT JOIN LATERAL (
            SELECT arm FROM selfheal.rollout_answers
            WHERE execution_id = l.id AND arm = 'candidate' LIMIT 1
        ) AS a ON TRUE
        CROSS JOIN LATERAL (SELECT {WEIGHT} AS weight) AS w
        WHERE created_at >= $1 AND created_at < $2 AND NOT {IS_FROZEN.format("l", "created_at")}
        GROUP BY 1, 2, 3
    ), removed AS (
        DELETE FROM selfheal.traffic AS t
        WHERE bucket >= $1 AND bucket < $2 AND NOT {IS_FROZEN.format("t", "bucket")}
          AND NOT EXISTS (
            SELECT FROM counted AS c
            WHERE c.task_type = t.task_type AND c.bucket = t.bucket
              AND c.prompt_version IS NOT DISTINCT FROM t.prompt_version
        )
    )
    INSERT INTO selfheal.traffic AS t (
        task_type, bucket, prompt_version, requests, unscored, scored, passed, score_sum, timed,
        latency_ms_sum, input_tokens, output_tokens
    )
    SELECT * FROM counted
    ON CONFLICT (task_type, bucket, prompt_version) DO UPDATE SET
        requests = excluded.requests, unscored = excluded.unscored, scored = excluded.scored,
        passed = excluded.passed, score_sum = excluded.score_sum, timed = excluded.timed,
        latency_ms_sum = excluded.latency_ms_sum, input_tokens = excluded.input_tokens,
        output_tokens = excluded.output_tokens
    WHERE t IS DISTINCT FROM excluded
"""
# Of each bucket and version the first and the last answer: to read an evaluation's detail costs
# more than all else, and an evaluator that scored in between was the last of some earlier round.
NOTE_FINGERPRINTS: Final = """
    INSERT INTO selfheal.fingerprints AS f (task_type, fingerprint, first_seen, last_seen)
    SELECT task_type, fingerprint, min(created_at), max(created_at)
    FROM selfheal.traffic AS t
    CROSS JOIN LATERAL (
        (SELECT created_at, evaluation_detail FROM execution_logs
         WHERE task_type = t.task_type AND prompt_version = t.prompt_version
           AND evaluation_passed IS NOT NULL
           AND created_at >= bucket AND created_at < bucket + '5 minutes'::interval
         ORDER BY created_at LIMIT 1)
        UNION ALL
        (SELECT created_at, evaluation_detail FROM execution_logs
         WHERE task_type = t.task_type AND prompt_version = t.prompt_version
           AND evaluation_passed IS NOT NULL
           AND created_at >= bucket AND created_at < bucket + '5 minutes'::interval
         ORDER BY created_at DESC LIMIT 1)
    ) AS ends
    CROSS JOIN LATERAL (
        SELECT evaluation_detail -> 'evaluator' ->> 'fingerprint' AS fingerprint
    ) AS named
    WHERE bucket >= $1 AND bucket < $2 AND scored > 0 AND fingerprint IS NOT NULL
    GROUP BY 1, 2
    ON CONFLICT (task_type, fingerprint) DO UPDATE SET
        first_seen = least(f.first_seen, excluded.first_seen),
        last_seen = greatest(f.last_seen, excluded.last_seen)
    WHERE excluded.first_seen < f.first_seen OR excluded.last_seen > f.last_seen
"""
FORGET: Final = "DELETE FROM selfheal.traffic WHERE bucket < $1"
# The latest that was logged, or was once counted, within a range; NULL where there is none.
FIND_LATEST: Final = """
    SELECT greatest(
        (SELECT max(created_at) FROM execution_logs WHERE created_at >= $1 AND created_at < $2),
        (SELECT max(bucket) FROM selfheal.traffic WHERE bucket >= $1 AND bucket < $2)
    )
"""
# Of rows that are about to go: from when on their buckets are to be counted, and how far they are
# done with then, by task type.
FIND_UNFROZEN: Final = f"""
    WITH ends AS (
        SELECT task_type, min(bucket) AS first,
               max(bucket) + '5 minutes'::interval AS position
        FROM (
            SELECT task_type, date_bin('5 minutes', created_at, '2000-01-01Z') AS bucket
            FROM execution_logs WHERE id = ANY($1::bigint[]) AND created_at >= now() - $2::interval
        ) AS going
        GROUP BY 1
    )
    SELECT task_type, greatest(first, f.position) AS first, ends.position
    FROM ends LEFT JOIN selfheal.leases AS f ON f.name = '{FROZEN}' || task_type
    WHERE f.position IS NULL OR f.position < ends.position
"""
FREEZE: Final = f"""
    INSERT INTO selfheal.leases (name, holder, held_until, position)
    VALUES ('{FROZEN}' || $1::text, '', now(), $2)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position, held_until = now()
"""
# Whether something was logged, and nothing of it counted yet.
HAS_UNCOUNTED: Final = """
    SELECT EXISTS (SELECT FROM execution_logs WHERE created_at >= $1 AND created_at < $2)
       AND NOT EXISTS (SELECT FROM selfheal.traffic WHERE bucket >= $1 AND bucket < $2)
"""


async def count_buckets(connection: asyncpg.Connection, start: datetime, end: datetime) -> None:
    """Count the buckets from `start` to `end`, both of which begin one."""
    await connection.execute(COUNT, start, end, timeout=TIMEOUT_SECONDS)
    await connection.execute(NOTE_FINGERPRINTS, start, end, timeout=TIMEOUT_SECONDS)


async def freeze_counts(connection: asyncpg.Connection, row_ids: Sequence[int]) -> None:
    """Count the buckets of rows that are about to be removed a last time; in their transaction.

    Later counts leave them, and all older ones of the task type, as they are.
    """
    found = await connection.fetch(FIND_UNFROZEN, row_ids, KEPT, timeout=TIMEOUT_SECONDS)
    if not found:
        return
    start, end = min(one["first"] for one in found), max(one["position"] for one in found)
    await count_buckets(connection, start, end)
    for one in found:
        await connection.execute(FREEZE, one["task_type"], one["position"])
