"""Reads what the Optimizer decides on: how a prompt did lately, and since it serves.

Every query is bounded by the newest rows of one version, however many the log holds.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import asyncpg

from services.common.evaluation_detail import HAS_TEXTS
from services.common.models import Prompt
from services.common.record.active_prompt import BY_ACTIVE_PROMPT
from services.common.record.surprise import Record, Served
from services.common.record.weights import WEIGHT
from services.optimizer.app.services.log.answers import (
    LONG_AGO,
    MAX_FLOOD_ROWS,
    MAX_RECORD_ROWS,
    SCORED_ANSWERS,
    load_activated_at,
    load_results,
)
from services.optimizer.app.services.log.log_records import (
    UnscoredCount,
    Window,
    find_model,
    give_shares,
    is_by_evaluator,
    is_by_model,
)

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


def _count(rows: Sequence[asyncpg.Record], is_meant: Callable[[str], bool]) -> Record:
    return Record.of((row["passed"], row["weight"]) for row in rows if is_meant(row["fp"] or ""))
