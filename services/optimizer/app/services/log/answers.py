"""Reads scored answers of one version, whole: what was asked, what came back, what failed.

Every query is bounded by the newest rows of one version, however many the log holds.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import asyncpg

from services.common.chat.messages import NOT_WHOLE, ChatInput
from services.common.evaluation_detail import HAS_TEXTS, read_detail
from services.common.models import Prompt
from services.common.record.active_prompt import COUNTS_FOR_PROMPT
from services.common.record.weights import WEIGHT
from services.optimizer.app.services.log.log_records import (
    MAX_ANSWERS_PER_INPUT,
    LoggedResult,
    PastPrompt,
)

SELECT_ACTIVATED_AT = "SELECT max(activated_at) FROM selfheal.activations WHERE prompt_id = $1"
# NULL, NaN and infinities are no scores; what another model than the main one answered, while that
# was dead, says nothing of a prompt, and neither does what another text answered in a rollout.
SCORED_ANSWERS = f"""
    FROM execution_logs
    WHERE task_type = $1 AND prompt_version = $2
      AND evaluation_score BETWEEN 0 AND 1 AND evaluation_passed IS NOT NULL
      AND created_at >= $3 AND created_at < $4
      AND {COUNTS_FOR_PROMPT}
"""
# What was asked at the door; of what isn't whole, or too large to be replayed, no messages.
CONVERSATION = f"""
    CASE WHEN pg_column_size(c.messages) <= 65536 AND NOT c.parameters ? '{NOT_WHOLE}'
         THEN c.messages ELSE '[]' END AS messages,
    c.tools, c.parameters, c.variables, {WEIGHT} AS weight, c.execution_id
"""
# A version number is no identity: only what was logged since this prompt's activation counts.
# An answer can be long, and is read from its start alone.
# Details are large and kept apart from the rows: each is fetched once (`#> '{}'` hands back the
# whole of it), and only what is read leaves the server; OFFSET 0 lets none be fetched that isn't
# read. Of each input only the newest answers are read: a flood of one pushes no other out.
SELECT_RESULTS = f"""
    SELECT read.id, read.request_id, user_input, refined_input,
           left(worker_output, 2000) AS worker_output,
           evaluation_score, evaluation_passed,
           CASE WHEN NOT evaluation_passed THEN detail -> 'rules' END AS rules,
           detail -> 'evaluator' ->> 'fingerprint' AS fingerprint,
           detail -> 'worker' ->> 'model' AS model, {CONVERSATION}
    FROM (
        SELECT id, request_id, user_input, refined_input, worker_output, evaluation_score,
               evaluation_passed, evaluation_detail #> '{{}}' AS detail, created_at
        FROM (
            SELECT *
            FROM (
                SELECT *, row_number() OVER (
                    PARTITION BY hashtextextended(coalesce(refined_input, user_input), 0)
                    ORDER BY created_at DESC
                ) AS nth
                FROM (
                    SELECT id, request_id, user_input, refined_input, worker_output,
                           evaluation_score, evaluation_passed, evaluation_detail, created_at
                    {SCORED_ANSWERS} AND {HAS_TEXTS}
                    ORDER BY created_at DESC
                    LIMIT $7
                ) AS newest
            ) AS counted
            WHERE nth <= $6
            ORDER BY created_at DESC
            LIMIT $5
        ) AS taken
        OFFSET 0
    ) AS read
    LEFT JOIN selfheal.conversations AS c ON c.execution_id = read.id
    ORDER BY read.created_at DESC
"""
# What passed is asked again, and needs no details. A version that passes nothing is given up
# after so many of its answers.
SELECT_PASSING = f"""
    SELECT newest.*, {CONVERSATION}
    FROM (
        SELECT id, request_id, user_input, refined_input,
               left(worker_output, 2000) AS worker_output,
               evaluation_score, evaluation_passed, created_at
        {SCORED_ANSWERS} AND {HAS_TEXTS}
        ORDER BY created_at DESC
        LIMIT $5
    ) AS newest
    LEFT JOIN selfheal.conversations AS c ON c.execution_id = newest.id
    WHERE evaluation_passed
    ORDER BY newest.created_at DESC
    LIMIT $6
"""
SELECT_BLANKED = f"""
    SELECT EXISTS (SELECT FROM execution_logs WHERE id = ANY($1::bigint[]) AND NOT {HAS_TEXTS})
"""
MAX_RECORD_ROWS = 200
MAX_PASSING_ROWS = 60
MAX_LOOKED_THROUGH = 500
LONG_AGO = timedelta(days=36_500)
# Rows among which the answers that count are looked for.
MAX_FLOOD_ROWS = 2_000


async def load_activated_at(connection: asyncpg.Connection, prompt: Prompt) -> datetime:
    """Load when a prompt last began to serve."""
    activated: datetime | None = await connection.fetchval(SELECT_ACTIVATED_AT, prompt.id)
    return activated or prompt.created_at


async def load_results(
    connection: asyncpg.Connection,
    task_type: str,
    version: int,
    *,
    start: datetime,
    end: datetime | None = None,
    limit: int = MAX_RECORD_ROWS,
) -> tuple[LoggedResult, ...]:
    """Load scored answers of a version from `start` to before `end`, the newest first.

    Of each input there are the newest five at most, among the newest 2,000 answers.
    """
    records = await connection.fetch(
        SELECT_RESULTS,
        task_type,
        version,
        start,
        end or start + LONG_AGO,
        limit,
        MAX_ANSWERS_PER_INPUT,
        MAX_FLOOD_ROWS,
    )
    return tuple(read_result(record) for record in records)


async def load_passing(
    connection: asyncpg.Connection, prompt: Prompt, history: Sequence[PastPrompt]
) -> list[LoggedResult]:
    """Load answers that passed lately: those of this prompt, then of the one before it."""
    activated = await load_activated_at(connection, prompt)
    before = next((past for past in history if past.passed), None)
    periods: list[tuple[int, datetime, datetime | None]] = [(prompt.version, activated, None)]
    if before is not None:
        periods.append((before.version, before.served_from or activated, before.served_until))
    passing: list[LoggedResult] = []
    for version, start, end in periods:
        records = await connection.fetch(
            SELECT_PASSING,
            prompt.task_type,
            version,
            start,
            end or start + LONG_AGO,
            MAX_LOOKED_THROUGH,
            MAX_PASSING_ROWS,
        )
        passing += [read_result(record) for record in records]
    return passing


def read_result(record: asyncpg.Record) -> LoggedResult:
    """Read a row of the log, with its conversation."""
    rules = record.get("rules")
    return LoggedResult(
        user_input=record["user_input"],
        refined_input=record["refined_input"] or record["user_input"],
        score=record["evaluation_score"],
        passed=record["evaluation_passed"],
        failed_rules=read_detail({"rules": rules}).failed_rules if rules else (),
        worker_output=record["worker_output"] or "",
        fingerprint=record.get("fingerprint") or "",
        model=record.get("model") or "",
        request_id=str(record["request_id"]),
        conversation=_read_conversation(record) if record["execution_id"] else None,
        weight=record["weight"],
        row_id=record["id"],
    )


def _read_conversation(record: asyncpg.Record) -> ChatInput:
    return ChatInput(
        messages=record["messages"],
        tools=record["tools"] or (),
        parameters=record["parameters"],
        variables=record["variables"],
    )


async def was_blanked_since(
    connection: asyncpg.Connection, results: Iterable[LoggedResult]
) -> bool:
    """Tell whether any of these rows has lost its text: who has it still must not write it down."""
    ids = [row.row_id for row in results]
    is_blank: bool = await connection.fetchval(SELECT_BLANKED, ids)
    return is_blank
