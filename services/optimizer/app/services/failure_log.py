"""Reads what the Optimizer decides on: active prompts, their recent results, their history.

Every query is bounded by the newest rows of one version, however many the log holds.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from services.common.models import Prompt
from services.optimizer.app.services.log_records import (
    LoggedResult,
    PastPrompt,
    Record,
    UnscoredCount,
    Window,
)

# The highest active version serves; the others that a person may have left active don't.
SELECT_ACTIVE_PROMPTS = """
    SELECT DISTINCT ON (task_type)
        id, task_type, content, version, is_active, change_reason, created_by, created_at
    FROM prompts
    WHERE is_active = TRUE
    ORDER BY task_type, version DESC, id DESC
"""
SELECT_ACTIVATED_AT = "SELECT max(activated_at) FROM selfheal.activations WHERE prompt_id = $1"
# A version number is no identity: only what was logged since this prompt's activation counts.
# NULL, NaN and infinities are no scores. An answer can be long, and nobody reads past its start.
SELECT_RESULTS = """
    SELECT request_id, user_input, refined_input, left(worker_output, 2000) AS worker_output,
           evaluation_score, evaluation_passed, evaluation_detail
    FROM execution_logs
    WHERE task_type = $1
      AND prompt_version = $2
      AND evaluation_score BETWEEN 0 AND 1
      AND evaluation_passed IS NOT NULL
      AND created_at >= $3
      AND created_at < $4
    ORDER BY created_at DESC
    LIMIT $5
"""
SELECT_PASSES = """
    SELECT evaluation_passed AS passed, evaluation_detail -> 'evaluator' ->> 'fingerprint' AS fp
    FROM execution_logs
    WHERE task_type = $1
      AND prompt_version = $2
      AND evaluation_score BETWEEN 0 AND 1
      AND evaluation_passed IS NOT NULL
      AND created_at >= $3
      AND created_at < $4
    ORDER BY created_at DESC
    LIMIT $5
"""
SELECT_UNSCORED = """
    SELECT coalesce(evaluation_detail -> 'error' ->> 'service', '') AS service,
           coalesce(evaluation_detail -> 'error' ->> 'code', '') AS code,
           count(*) AS times
    FROM (
        SELECT evaluation_detail
        FROM execution_logs
        WHERE task_type = $1
          AND evaluation_passed IS NULL
          AND created_at >= $2
        ORDER BY created_at DESC
        LIMIT $3
    ) AS recent
    GROUP BY 1, 2
    ORDER BY 3 DESC, 1, 2
"""
SELECT_HISTORY = """
    WITH periods AS (
        SELECT prompt_id, activated_at,
               lead(activated_at, 1, 'infinity') OVER (ORDER BY id) AS replaced_at
        FROM selfheal.activations
        WHERE task_type = $1
    ), latest AS (
        SELECT DISTINCT ON (prompt_id) prompt_id, activated_at, replaced_at
        FROM periods
        ORDER BY prompt_id, activated_at DESC
    )
    SELECT p.id AS prompt_id, p.content, p.version,
           coalesce(latest.activated_at, p.created_at) AS served_from,
           coalesce(latest.replaced_at, 'infinity') AS served_until,
           served.scored, served.passed
    FROM prompts p
    LEFT JOIN latest ON latest.prompt_id = p.id
    LEFT JOIN LATERAL (
        SELECT count(*) AS scored, count(*) FILTER (WHERE evaluation_passed) AS passed
        FROM (
            SELECT evaluation_passed
            FROM execution_logs l
            WHERE l.task_type = p.task_type
              AND l.prompt_version = p.version
              AND l.created_at >= coalesce(latest.activated_at, p.created_at)
              AND l.created_at < coalesce(latest.replaced_at, 'infinity')
              AND l.evaluation_passed IS NOT NULL
            ORDER BY l.created_at DESC
            LIMIT 200
        ) recent
    ) served ON TRUE
    WHERE p.task_type = $1 AND p.id <> $2
    ORDER BY coalesce(latest.activated_at, p.created_at) DESC, p.id DESC
    LIMIT 50
"""
MAX_WINDOW_ROWS = 1_000
MAX_RECORD_ROWS = 200
MAX_PASSING_ROWS = 200
LONG_AGO = timedelta(days=36_500)


async def load_active_prompts(connection: asyncpg.Connection) -> list[Prompt]:
    """The prompt that serves each task type now."""
    return [Prompt(**record) for record in await connection.fetch(SELECT_ACTIVE_PROMPTS)]


async def load_activated_at(connection: asyncpg.Connection, prompt: Prompt) -> datetime:
    """When a prompt began to serve, for the last time."""
    activated: datetime | None = await connection.fetchval(SELECT_ACTIVATED_AT, prompt.id)
    return activated or prompt.created_at


async def load_window(
    connection: asyncpg.Connection, prompt: Prompt, *, lookback_minutes: int
) -> Window:
    """What was logged for this prompt within the lookback, and how it did before."""
    now: datetime = await connection.fetchval("SELECT now()")
    activated = await load_activated_at(connection, prompt)
    start = max(now - timedelta(minutes=lookback_minutes), activated)
    results = await load_results(
        connection, prompt.task_type, prompt.version, start=start, limit=MAX_WINDOW_ROWS
    )
    unscored = await connection.fetch(SELECT_UNSCORED, prompt.task_type, start, MAX_WINDOW_ROWS)
    earlier = await connection.fetch(
        SELECT_PASSES, prompt.task_type, prompt.version, activated, start, MAX_RECORD_ROWS
    )
    current = results[0].fingerprint if results else ""
    return Window(
        results=results,
        unscored=tuple(UnscoredCount(**record) for record in unscored),
        earlier=_count([row["passed"] for row in earlier if (row["fp"] or "") == current]),
        earlier_elsewise=_count([row["passed"] for row in earlier if (row["fp"] or "") != current]),
    )


async def load_results(
    connection: asyncpg.Connection,
    task_type: str,
    version: int,
    *,
    start: datetime,
    end: datetime | None = None,
    limit: int = MAX_RECORD_ROWS,
) -> tuple[LoggedResult, ...]:
    """Scored answers of a version from `start` to before `end`, the newest first."""
    records = await connection.fetch(
        SELECT_RESULTS, task_type, version, start, end or start + LONG_AGO, limit
    )
    return tuple(_read_result(record) for record in records)


async def load_history(connection: asyncpg.Connection, prompt: Prompt) -> list[PastPrompt]:
    """Prompts that served this task type before `prompt`, the latest first, 50 at most."""
    records = await connection.fetch(SELECT_HISTORY, prompt.task_type, prompt.id)
    return [PastPrompt(**record) for record in records]


async def load_passing(
    connection: asyncpg.Connection, prompt: Prompt, history: Sequence[PastPrompt]
) -> list[LoggedResult]:
    """Answers that passed lately: those of this prompt first, then of the one before it."""
    activated = await load_activated_at(connection, prompt)
    periods = [(prompt.version, activated, None)] + [
        (past.version, past.served_from or activated, past.served_until)
        for past in history
        if past.passed
    ][:1]
    passing: list[LoggedResult] = []
    for version, start, end in periods:
        results = await load_results(
            connection,
            prompt.task_type,
            version,
            start=start,
            end=end,
            limit=MAX_PASSING_ROWS,
        )
        passing += [result for result in results if result.passed]
    return passing


def _read_result(record: asyncpg.Record) -> LoggedResult:
    detail = record["evaluation_detail"]
    return LoggedResult(
        user_input=record["user_input"],
        refined_input=record["refined_input"] or record["user_input"],
        score=record["evaluation_score"],
        passed=record["evaluation_passed"],
        failed_rules=failed_rules_in(detail),
        worker_output=record["worker_output"] or "",
        fingerprint=_text_in(detail, "evaluator", "fingerprint"),
        model=_text_in(detail, "worker", "model"),
        request_id=str(record["request_id"]),
    )


def failed_rules_in(detail: object) -> tuple[str, ...]:
    """Names of the rules that failed, by the evaluation's own record."""
    rules = detail.get("rules") if isinstance(detail, dict) else None
    return tuple(
        str(rule.get("name"))
        for rule in (rules if isinstance(rules, list) else [])
        if isinstance(rule, dict) and rule.get("outcome") == "failed"
    )


def _text_in(detail: Any, part: str, name: str) -> str:
    """A text two levels down in a detail, which may look like anything."""
    inner = detail.get(part) if isinstance(detail, dict) else None
    value = inner.get(name) if isinstance(inner, dict) else None
    return value if isinstance(value, str) else ""


def _count(passes: Sequence[bool]) -> Record:
    return Record(len(passes), sum(passes))
