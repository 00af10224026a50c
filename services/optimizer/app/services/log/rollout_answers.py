"""Reads what a rollout's two arms answered, and what they were asked, in the order of their ids."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from services.common.errors import ClientGoneError
from services.common.record.main_model import BY_MAIN_MODEL
from services.common.record.rollouts.rollout import Rollout
from services.common.text import digest_text
from services.optimizer.app.services.log.answers import CONVERSATION, read_result
from services.optimizer.app.services.log.log_records import LoggedResult

# So many rows are gone through at a look.
MAX_ANSWERS: Final = 5_000
MAX_ASKED: Final = 200
# The first answer of each unit since the step began counts. An answer counts as 0 where the Worker
# had none to give; where nobody could judge it, it has no score. Whether one was given isn't known
# as long as its score is waited for; who hung up got none. Of what has no score, nobody has judged.
SELECT_ANSWERS: Final = f"""
    WITH next AS (
        SELECT execution_id, arm, unit = '' OR execution_id = (
            SELECT min(other.execution_id) FROM selfheal.rollout_answers AS other
            WHERE other.rollout_id = $1 AND other.unit = a.unit AND other.execution_id > $2
        ) AS is_first
        FROM selfheal.rollout_answers AS a
        WHERE rollout_id = $1 AND execution_id > greatest($2, $3)
        ORDER BY execution_id
        LIMIT {MAX_ANSWERS}
    )
    SELECT next.execution_id, arm, execution_logs.id IS NOT NULL AND {BY_MAIN_MODEL} AS counts,
           CASE WHEN evaluation_passed IS NOT NULL AND evaluation_score BETWEEN 0 AND 1
                THEN evaluation_score
                WHEN detail #>> '{{error,service}}' = 'worker' THEN 0 END AS score,
           coalesce(evaluation_passed, FALSE) AS passed,
           CASE WHEN evaluation_passed IS NOT NULL THEN TRUE
                WHEN error_message IS NOT NULL OR detail #>> '{{error,service}}' = 'worker'
                    OR '{ClientGoneError.code}' IN (c.finish_reason, detail #>> '{{error,code}}')
                THEN FALSE
                WHEN NOT EXISTS (
                    SELECT FROM selfheal.pending_scores AS p
                    WHERE p.execution_id = execution_logs.id
                ) THEN TRUE END AS served,
           worker_latency_ms AS latency_ms, c.output_tokens,
           CASE WHEN evaluation_passed IS NOT NULL THEN concat_ws(
               ' ', detail #>> '{{evaluator,fingerprint}}', detail #>> '{{worker,model}}'
           ) ELSE '' END AS kind
    FROM next
    LEFT JOIN execution_logs ON is_first AND execution_logs.id = next.execution_id
    LEFT JOIN selfheal.conversations AS c ON c.execution_id = execution_logs.id
    LEFT JOIN LATERAL (SELECT evaluation_detail #> '{{}}' AS detail OFFSET 0) AS fetched ON TRUE
    ORDER BY next.execution_id
"""
SELECT_NEWEST: Final = """
    SELECT coalesce(max(execution_id), 0) FROM selfheal.rollout_answers WHERE rollout_id = $1
"""
SELECT_ASKED: Final = f"""
    SELECT l.id, l.request_id, l.user_input, l.refined_input,
           left(l.worker_output, 2000) AS worker_output,
           coalesce(l.evaluation_score, 0) AS evaluation_score,
           coalesce(l.evaluation_passed, FALSE) AS evaluation_passed, {CONVERSATION}
    FROM selfheal.rollout_answers AS a
    JOIN execution_logs AS l ON l.id = a.execution_id
    LEFT JOIN selfheal.conversations AS c ON c.execution_id = l.id
    WHERE a.rollout_id = $1
    ORDER BY a.execution_id
    LIMIT {MAX_ASKED}
"""
# SQL over `selfheal.healing_runs AS r`: names and descriptions of the inputs that a run used.
USED_INPUTS: Final = """jsonb_each(
    CASE jsonb_typeof(r.detail #> '{inputs,used}')
        WHEN 'object' THEN r.detail #> '{inputs,used}' ELSE '{}'
    END
)"""
# What the text was chosen and proven on, in the run that did and in earlier ones.
SELECT_SEEN: Final = f"""
    SELECT used ->> 'fingerprint' AS fingerprint
    FROM selfheal.healing_runs AS r, {USED_INPUTS} AS inputs (name, used)
    WHERE r.id = $1
    UNION
    SELECT left(i.input_digest, 16)
    FROM selfheal.wagers AS w JOIN selfheal.wager_inputs AS i ON i.wager_id = w.id
    WHERE w.task_type = $2 AND w.candidate_digest = $3
"""


async def load_answers(
    connection: asyncpg.Connection, rollout: Rollout, *, since: int, through: int
) -> list[asyncpg.Record]:
    """Load the answers after what was taken in; of each unit, the first of the step counts.

    Args:
        since: The step's answers have greater ids.
        through: Answers up to this id were taken in.
    """
    records: list[asyncpg.Record] = await connection.fetch(
        SELECT_ANSWERS, rollout.id, since, through
    )
    return records


async def load_newest_id(connection: asyncpg.Connection, rollout: Rollout) -> int:
    """Load the id of a rollout's latest answer; 0 without any."""
    newest: int = await connection.fetchval(SELECT_NEWEST, rollout.id)
    return newest


async def load_asked(connection: asyncpg.Connection, rollout: Rollout) -> Sequence[LoggedResult]:
    """Load what either arm was asked since the rollout began, the oldest first, 200 at most."""
    return [read_result(record) for record in await connection.fetch(SELECT_ASKED, rollout.id)]


async def load_seen(connection: asyncpg.Connection, rollout: Rollout) -> frozenset[str]:
    """Load the fingerprints of inputs that had a part in choosing or proving the text."""
    digest = digest_text(rollout.content)
    records = await connection.fetch(SELECT_SEEN, rollout.run_id, rollout.task_type, digest)
    return frozenset(record["fingerprint"] for record in records if record["fingerprint"])
