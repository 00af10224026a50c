"""Reads runs of the Optimizer: their list, and what belongs to a single one."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.common.evaluation_detail import show_text
from services.common.record.active_prompt import BY_ACTIVE_PROMPT
from services.common.record.stored_runs import COLUMNS, TABLES, StoredRun

OUTCOMES: Final = (
    "promoted", "proposed", "canary", "held", "rolled_back", "approved", "rejected", "superseded"
)  # fmt: skip
# The page is chosen before anything is joined to it.
SELECT_PAGE: Final = f"""
    SELECT {COLUMNS}, jsonb_build_object('summary', r.detail -> 'summary') AS detail
    FROM {TABLES}
    WHERE r.id = ANY(ARRAY(
        SELECT id FROM selfheal.healing_runs
        WHERE ($1::text[] IS NULL OR task_type = ANY($1))
          AND ($2::text IS NULL
               OR coalesce(CASE WHEN decision = 'proposed' THEN resolution END, decision) = $2)
          AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC
        LIMIT $5
    ))
    ORDER BY r.created_at DESC, r.id DESC
"""
# Answers that are looked through for failing ones, and those that are shown at most.
MAX_READ, MAX_EXAMPLES = 5_000, 60
MAX_LOOKBACK: Final = timedelta(days=7)
SELECT_EXAMPLES: Final = f"""
    SELECT request_id, {show_text("left(user_input, 200)")} AS text,
        evaluation_score AS score, created_at,
        CASE WHEN jsonb_typeof(evaluation_detail -> 'rules') = 'array' THEN ARRAY(
            SELECT rule ->> 'name' FROM jsonb_array_elements(evaluation_detail -> 'rules') rule
            WHERE rule ->> 'outcome' = 'failed' AND rule ->> 'name' IS NOT NULL
        ) ELSE ARRAY[]::text[] END AS rules
    FROM (
        SELECT * FROM execution_logs
        WHERE task_type = $1 AND prompt_version = $2 AND evaluation_passed IS NOT NULL
          AND created_at BETWEEN $3 AND $4 AND {BY_ACTIVE_PROMPT}
        ORDER BY created_at DESC LIMIT {MAX_READ}
    ) latest
    WHERE evaluation_passed IS FALSE
    ORDER BY created_at DESC LIMIT {MAX_EXAMPLES}
"""
SELECT_WATCH_DETAIL: Final = """
    SELECT detail FROM selfheal.watches WHERE candidate_id = $1 ORDER BY id DESC LIMIT 1
"""


async def load_page(
    connection: asyncpg.Connection,
    *,
    task_types: list[str] | None,
    outcome: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> list[StoredRun]:
    """Load runs of these task types (None: of all), the latest first, from a cursor on."""
    records = await connection.fetch(
        SELECT_PAGE, task_types, outcome, *(after or (None, None)), limit
    )
    return [StoredRun(**record) for record in records]


async def load_examples(
    connection: asyncpg.Connection, run: StoredRun, lookback_minutes: float
) -> list[Any]:
    """Load the latest requests that failed in the time that a run looked at, and their rules."""
    start = run.created_at - min(timedelta(minutes=lookback_minutes), MAX_LOOKBACK)
    return await connection.fetch(
        SELECT_EXAMPLES, run.task_type, run.version, start, run.created_at
    )


async def load_watch_detail(
    connection: asyncpg.Connection, candidate_id: UUID | None
) -> dict[str, Any]:
    """Load what the watch over a run's text found; empty where there was none."""
    detail = await connection.fetchval(SELECT_WATCH_DETAIL, candidate_id)
    return detail if isinstance(detail, dict) else {}
