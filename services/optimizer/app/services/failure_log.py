"""Reads what the Optimizer decides on: active prompts, their recent results, their history."""

from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from services.common.models import Prompt
from services.optimizer.app.services.log_analyzer import LoggedResult

# The highest active version serves; the others that a person may have left active don't.
SELECT_ACTIVE_PROMPTS = """
    SELECT DISTINCT ON (task_type)
        id, task_type, content, version, is_active, change_reason, created_by, created_at
    FROM prompts
    WHERE is_active = TRUE
    ORDER BY task_type, version DESC, id DESC
"""
# A version number is no identity: only what was logged since this prompt's activation counts.
# NULL, NaN and infinities are no scores. An answer can be long, and nobody reads past its start.
SELECT_WINDOW = """
    SELECT user_input, refined_input, left(worker_output, 2000) AS worker_output,
           evaluation_score, evaluation_passed, evaluation_detail
    FROM execution_logs
    WHERE task_type = $1
      AND prompt_version = $2
      AND evaluation_score BETWEEN 0 AND 1
      AND evaluation_passed IS NOT NULL
      AND created_at >= greatest(
          now() - $4::interval,
          coalesce(
              (SELECT max(activated_at) FROM selfheal.activations WHERE prompt_id = $3), $5
          )
      )
    ORDER BY created_at DESC
    LIMIT $6
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
    SELECT p.content, p.version, served.scored, served.passed
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


@dataclass(frozen=True, slots=True)
class PastPrompt:
    """A prompt that served before, and how it did.

    `scored` and `passed` count its last 200 scored answers at most.
    """

    content: str
    version: int
    scored: int
    passed: int


async def load_active_prompts(connection: asyncpg.Connection) -> list[Prompt]:
    """The prompt that serves each task type now."""
    return [Prompt(**record) for record in await connection.fetch(SELECT_ACTIVE_PROMPTS)]


async def load_window(
    connection: asyncpg.Connection, prompt: Prompt, *, lookback_minutes: int
) -> list[LoggedResult]:
    """Scored answers of this prompt within the lookback, the newest first, 1,000 at most."""
    records = await connection.fetch(
        SELECT_WINDOW,
        prompt.task_type,
        prompt.version,
        prompt.id,
        timedelta(minutes=lookback_minutes),
        prompt.created_at,
        MAX_WINDOW_ROWS,
    )
    return [
        LoggedResult(
            user_input=record["user_input"],
            refined_input=record["refined_input"] or record["user_input"],
            score=record["evaluation_score"],
            passed=record["evaluation_passed"],
            failed_rules=_failed_rules(record["evaluation_detail"]),
            worker_output=record["worker_output"] or "",
        )
        for record in records
    ]


async def load_history(connection: asyncpg.Connection, prompt: Prompt) -> list[PastPrompt]:
    """Prompts that served this task type before `prompt`, the latest first, 50 at most."""
    records = await connection.fetch(SELECT_HISTORY, prompt.task_type, prompt.id)
    return [PastPrompt(**record) for record in records]


def _failed_rules(detail: object) -> tuple[str, ...]:
    """Names of the rules that failed, by the evaluation's own record."""
    rules = detail.get("rules") if isinstance(detail, dict) else None
    return tuple(
        str(rule.get("name"))
        for rule in (rules if isinstance(rules, list) else [])
        if isinstance(rule, dict) and rule.get("outcome") == "failed"
    )
