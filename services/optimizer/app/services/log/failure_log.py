"""Reads what the Optimizer decides on: the recent results of a prompt, and their history.

Every query is bounded by the newest rows of one version, however many the log holds.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import asyncpg

from services.common.chat.messages import NOT_WHOLE, ChatInput
from services.common.evaluation_detail import HAS_TEXTS, read_detail
from services.common.models import Prompt
from services.common.record.active_prompt import BY_ACTIVE_PROMPT, COUNTS_FOR_PROMPT
from services.common.record.surprise import Record, Served
from services.common.record.weights import WEIGHT
from services.optimizer.app.services.log.log_records import (
    MAX_ANSWERS_PER_INPUT,
    LoggedResult,
    PastPrompt,
    UnscoredCount,
    Window,
    find_model,
    give_shares,
    is_by_evaluator,
    is_by_model,
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
SELECT_PASSES = f"""
    SELECT passed, detail -> 'evaluator' ->> 'fingerprint' AS fp,
           detail -> 'worker' ->> 'model' AS model, {WEIGHT} AS weight
    FROM (
        SELECT id, evaluation_passed AS passed, evaluation_detail #> '{{}}' AS detail
        {SCORED_ANSWERS}
        ORDER BY created_at DESC
        LIMIT $5
        OFFSET 0
    ) AS newest
    LEFT JOIN selfheal.conversations AS c ON c.execution_id = newest.id
"""
# All that a prompt answered, for a detector of changes; what has lost its texts is like no other.
# Evaluators and models change seldom: of the newest hundred, and of every hundredth before them, it
# is read who judged and who answered; the ones between two of these are taken for like the newer.
SELECT_SERVED = f"""
    SELECT passed, input, {WEIGHT} AS weight, detail IS NOT NULL AS is_read,
           detail -> 'evaluator' ->> 'fingerprint' AS fingerprint,
           detail -> 'worker' ->> 'model' AS model
    FROM (
        SELECT id, evaluation_passed AS passed, nth,
               CASE WHEN {HAS_TEXTS}
                    THEN hashtextextended(coalesce(refined_input, user_input), 0)
                    ELSE id END AS input,
               CASE WHEN nth <= 100 OR nth % 100 = 0
                    THEN coalesce(evaluation_detail #> '{{}}', '{{}}') END AS detail
        FROM (
            SELECT *, row_number() OVER (ORDER BY created_at DESC) AS nth
            FROM (
                SELECT id, user_input, refined_input, worker_output, evaluation_passed,
                       evaluation_detail, created_at
                {SCORED_ANSWERS}
                ORDER BY created_at DESC
                LIMIT $5
            ) AS newest
        ) AS numbered
        OFFSET 0
    ) AS read
    LEFT JOIN selfheal.conversations AS c ON c.execution_id = read.id
    ORDER BY nth
"""
SELECT_UNSCORED = f"""
    SELECT coalesce(evaluation_detail -> 'error' ->> 'service', '') AS service,
           coalesce(evaluation_detail -> 'error' ->> 'code', '') AS code,
           count(*) AS times
    FROM (
        SELECT evaluation_detail
        FROM (
            SELECT id, evaluation_detail, created_at
            FROM execution_logs
            WHERE task_type = $1
              AND evaluation_passed IS NULL AND error_message IS NOT NULL
              AND created_at >= $2
            ORDER BY created_at DESC
            LIMIT $4
        ) AS execution_logs
        WHERE {BY_ACTIVE_PROMPT}
        ORDER BY created_at DESC
        LIMIT $3
    ) AS recent
    GROUP BY 1, 2
    ORDER BY 3 DESC, 1, 2
"""
# So many answers tell a failure rate to a few points, which is what baselines of 200 can bear.
MAX_WINDOW_ROWS = 300
# Answers that may show a change: ten times as many as failures that triple need to show.
MAX_RECENT_ROWS = 600
# Answers before them, from which it is learnt what is usual.
MAX_EARLIER_ROWS = 2_000
# Rows among which the answers that count are looked for.
MAX_FLOOD_ROWS = 2_000
MAX_RECORD_ROWS = 200
MAX_PASSING_ROWS = 60
MAX_LOOKED_THROUGH = 500
LONG_AGO = timedelta(days=36_500)


async def load_activated_at(connection: asyncpg.Connection, prompt: Prompt) -> datetime:
    """Load when a prompt last began to serve."""
    activated: datetime | None = await connection.fetchval(SELECT_ACTIVATED_AT, prompt.id)
    return activated or prompt.created_at


async def load_window(
    connection: asyncpg.Connection, prompt: Prompt, *, lookback_minutes: int
) -> Window:
    """Load what was logged for this prompt within the lookback, and how it did before."""
    now: datetime = await connection.fetchval("SELECT now()")
    activated = await load_activated_at(connection, prompt)
    start = max(now - timedelta(minutes=lookback_minutes), activated)
    results = await load_results(
        connection, prompt.task_type, prompt.version, start=start, limit=MAX_WINDOW_ROWS
    )
    unscored = await connection.fetch(
        SELECT_UNSCORED, prompt.task_type, start, MAX_WINDOW_ROWS, MAX_FLOOD_ROWS
    )
    earlier = await connection.fetch(
        SELECT_PASSES, prompt.task_type, prompt.version, activated, start, MAX_RECORD_ROWS
    )
    current = results[0].fingerprint if results else ""
    model = find_model(results)
    by_model = [row for row in earlier if is_by_model(row["model"], model)]
    by_other_models = [row for row in earlier if not is_by_model(row["model"], model)]
    return Window(
        results=tuple(row for row in results if is_by_model(row.model, model)),
        unscored=tuple(UnscoredCount(**record) for record in unscored),
        earlier=_count(by_model, lambda fingerprint: fingerprint == current),
        earlier_by_others=_count(by_model, lambda fingerprint: fingerprint != current),
        by_other_models=tuple(row for row in results if not is_by_model(row.model, model)),
        earlier_by_other_models=_count(by_other_models, lambda fingerprint: fingerprint == current),
    )


async def load_served(connection: asyncpg.Connection, prompt: Prompt, window: Window) -> Served:
    """Load what this prompt answered since its activation, 2,600 answers at most.

    They are those of the evaluator that judges now and of the model that answers now.
    """
    activated = await load_activated_at(connection, prompt)
    most = MAX_EARLIER_ROWS + MAX_RECENT_ROWS
    records = await connection.fetch(
        SELECT_SERVED,
        prompt.task_type,
        prompt.version,
        activated,
        activated + LONG_AGO,
        most,
    )
    answers = []
    counts = True
    for record in records:
        if record["is_read"]:
            counts = is_by_evaluator(record["fingerprint"], window.fingerprint) and is_by_model(
                record["model"], window.model
            )
        if counts:
            answers.append((record["input"], record["passed"], record["weight"]))
    outcomes = give_shares(reversed(answers))
    cut = max(0, len(outcomes) - MAX_RECENT_ROWS)
    return Served(outcomes[:cut], outcomes[cut:], is_whole=len(records) < most)


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


def _count(rows: Sequence[asyncpg.Record], is_meant: Callable[[str], bool]) -> Record:
    return Record.of((row["passed"], row["weight"]) for row in rows if is_meant(row["fp"] or ""))
