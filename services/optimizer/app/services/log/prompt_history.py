"""Reads which prompts served before, and how they did."""

import asyncpg

from services.common.models import Prompt
from services.common.record.active_prompt import COUNTS_FOR_PROMPT
from services.common.record.surprise import Record
from services.common.record.weights import WEIGHT
from services.optimizer.app.services.log.answers import MAX_RECORD_ROWS
from services.optimizer.app.services.log.log_records import (
    PastPrompt,
    is_by_evaluator,
    is_by_model,
)

MAX_HISTORY = 50
# Whether answers differ in what they count for: where a share of them was scored, each stands for
# another number of them; where a model stood in for the main one, or another text for the prompt,
# they don't count.
ARE_WEIGHED = """
    SELECT EXISTS (
        SELECT FROM selfheal.conversations WHERE model_asked = $1 AND inclusion_probability < 1
    ) OR EXISTS (SELECT FROM selfheal.fallback_answers WHERE task_type = $1)
      OR EXISTS (SELECT FROM selfheal.rollouts WHERE task_type = $1)
"""
# Details are large: where it matters who judged, so many of each earlier prompt are read.
MAX_JUDGED_ROWS = 30
# Who judged and who answered at both ends of an earlier prompt's record, the newest first:
# evaluators change seldom, so that what lies between two of one evaluator is taken for its work.
SELECT_ENDS = f"""
    SELECT evaluation_detail #>> '{{evaluator,fingerprint}}' AS fingerprint,
           evaluation_detail #>> '{{worker,model}}' AS model
    FROM (
        SELECT evaluation_detail, count(*) OVER () AS total,
               row_number() OVER (ORDER BY created_at DESC) AS nth
        FROM (
            SELECT evaluation_detail, created_at
            FROM execution_logs
            WHERE task_type = $1 AND prompt_version = $2 AND created_at >= $3 AND created_at < $4
              AND evaluation_passed IS NOT NULL AND {COUNTS_FOR_PROMPT}
            ORDER BY created_at DESC
            LIMIT {MAX_RECORD_ROWS}
        ) AS newest
    ) AS numbered
    WHERE nth IN (1, total)
    ORDER BY nth
"""
BY_EVALUATOR = """
    $5 = '' OR coalesce(evaluation_detail #>> '{evaluator,fingerprint}', '') IN ('', $5) AS counts
"""


def _write_history(*, counts: str, weight: str = "1", joined: str = "", rows: str = "TRUE") -> str:
    """Write what loads earlier prompts; answers aren't counted before it is known of which."""
    return f"""
    WITH periods AS (
        SELECT prompt_id, activated_at,
               lead(activated_at, 1, 'infinity') OVER (ORDER BY id) AS replaced_at
        FROM selfheal.activations
        WHERE task_type = $1
    ), latest AS (
        SELECT DISTINCT ON (prompt_id) prompt_id, activated_at, replaced_at
        FROM periods
        ORDER BY prompt_id, activated_at DESC
    ), past AS (
        SELECT p.id, p.content, p.version,
               coalesce(latest.activated_at, p.created_at) AS served_from,
               coalesce(latest.replaced_at, 'infinity') AS served_until,
               latest.prompt_id IS NOT NULL AS was_active
        FROM prompts p
        LEFT JOIN latest ON latest.prompt_id = p.id
        WHERE p.task_type = $1 AND p.id <> $2
        ORDER BY coalesce(latest.activated_at, p.created_at) DESC, p.id DESC
        LIMIT 50
    )
    SELECT past.id AS prompt_id, content, version, served_from, served_until, scored, passed,
           scored_by_others, passed_by_others
    FROM past
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE counts) AS scored,
               coalesce(round(
                   count(*) FILTER (WHERE counts)
                   * sum(weight) FILTER (WHERE counts AND passed)
                   / sum(weight) FILTER (WHERE counts)
               ), 0)::int AS passed,
               count(*) FILTER (WHERE NOT counts) AS scored_by_others,
               count(*) FILTER (WHERE NOT counts AND passed) AS passed_by_others
        FROM (
            SELECT evaluation_passed AS passed, {weight} AS weight, {counts}
            FROM execution_logs {joined}
            WHERE task_type = $1
              AND prompt_version = past.version
              AND execution_logs.created_at >= served_from
              AND execution_logs.created_at < served_until
              AND evaluation_passed IS NOT NULL
              AND {rows}
            ORDER BY execution_logs.created_at DESC
            LIMIT $6
        ) AS recent
    ) AS served
    WHERE scored > 0 OR (was_active AND NOT $3)
    ORDER BY served_from DESC, past.id DESC
    LIMIT $4
"""


# In an index alone.
SELECT_HISTORY = _write_history(counts="$5::text = '' AS counts")
SELECT_HISTORY_BY_EVALUATOR = _write_history(counts=BY_EVALUATOR)
SELECT_WEIGHED_HISTORY = _write_history(
    counts=BY_EVALUATOR,
    weight=WEIGHT,
    joined="LEFT JOIN selfheal.conversations AS c ON c.execution_id = execution_logs.id",
    rows=COUNTS_FOR_PROMPT,
)


async def load_history(
    connection: asyncpg.Connection, prompt: Prompt, *, fingerprint: str = ""
) -> list[PastPrompt]:
    """Load prompts that served this task type before `prompt`, the latest first, 50 at most.

    Args:
        fingerprint: The evaluator whose scores count; all where it is empty.
    """
    return await _load_past(connection, prompt, fingerprint, is_scored=False, limit=MAX_HISTORY)


async def load_previous_record(
    connection: asyncpg.Connection, prompt: Prompt, *, fingerprint: str = "", model: str = ""
) -> Record:
    """Load how the last prompt before `prompt` did that had an answer scored.

    Args:
        fingerprint: The evaluator whose scores count; all where it is empty.
        model: The one that answers now; where it is known, and another one answered then, the
            record is empty.
    """
    for judge in ("", fingerprint):
        past = await _load_past(connection, prompt, judge, is_scored=True, limit=1)
        if not past:
            return Record()
        [last] = past
        ends = await connection.fetch(
            SELECT_ENDS, prompt.task_type, last.version, last.served_from, last.served_until
        )
        if all(is_by_evaluator(end["fingerprint"], fingerprint) for end in ends):
            break
    then = ends[0]["model"] if ends else None
    return last.record if not model or is_by_model(then, model) else Record()


async def _load_past(
    connection: asyncpg.Connection,
    prompt: Prompt,
    fingerprint: str,
    *,
    is_scored: bool,
    limit: int,
) -> list[PastPrompt]:
    query = SELECT_HISTORY_BY_EVALUATOR if fingerprint else SELECT_HISTORY
    if await connection.fetchval(ARE_WEIGHED, prompt.task_type):
        query = SELECT_WEIGHED_HISTORY
    answers = MAX_JUDGED_ROWS if fingerprint and not is_scored else MAX_RECORD_ROWS
    records = await connection.fetch(
        query, prompt.task_type, prompt.id, is_scored, limit, fingerprint, answers
    )
    return [PastPrompt(**record) for record in records]
