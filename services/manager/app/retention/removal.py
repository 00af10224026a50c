"""Looks at the log from its oldest row on, some rows at a time, and removes what is due."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from services.common.evaluation_detail import BODY_RETENTION, REMOVED
from services.manager.app.retention.evidence import IS_EVIDENCE, write_evidence
from services.manager.app.retention.rules import Kind, Rule
from services.manager.app.rollups.counting import freeze_counts

# Of a transaction.
ROWS_AT_ONCE: Final = 500
TIMEOUT_SECONDS: Final = 60.0
# Before every row, by time and id.
START: Final = ("-infinity", 0)

_FILTERS: Final[dict[Kind, str]] = {
    "rows": "TRUE",
    "texts": f"NOT coalesce(evaluation_detail ? '{REMOVED}', FALSE)",
}


def _write_look(kind: Kind) -> str:
    """Write what finds the next rows that are due, and how far it looked; in order of an index.

    The database's clock may be ahead: the earlier one of it and $3 counts.
    """
    return f"""
        WITH looked AS MATERIALIZED (
            SELECT id, task_type, prompt_version, created_at,
                   evaluation_passed IS NOT NULL AS is_scored, {_FILTERS[kind]} AS is_left
            FROM execution_logs
            WHERE (created_at, id) > ($1::text::timestamptz, $2::bigint)
              AND created_at < least(now(), $3::timestamptz) - make_interval(hours => 24 * $4)
            ORDER BY created_at, id
            LIMIT {ROWS_AT_ONCE}
        ), meant AS MATERIALIZED (
            SELECT * FROM looked WHERE is_left AND (task_type = ANY($5::text[])) <> $6
        ), {write_evidence(kind)}
        SELECT count(*) AS looked_at,
               (array_agg(created_at::text ORDER BY created_at DESC, id DESC))[1] AS last_moment,
               (array_agg(id ORDER BY created_at DESC, id DESC))[1] AS last_id,
               ARRAY(SELECT id FROM meant WHERE NOT {IS_EVIDENCE} ORDER BY id) AS due
        FROM looked
    """


_LOOKS: Final = {kind: _write_look(kind) for kind in _FILTERS}

_REMOVE_ROWS: Final = """
    WITH conversations AS (
        DELETE FROM selfheal.conversations WHERE execution_id = ANY($1::bigint[])
    ), fallbacks AS (
        DELETE FROM selfheal.fallback_answers WHERE execution_id = ANY($1)
    ), arms AS (
        DELETE FROM selfheal.rollout_answers WHERE execution_id = ANY($1)
    )
    DELETE FROM execution_logs WHERE id = ANY($1)
"""


def _pick(value: str, keys: str) -> str:
    """Write the fields of an object that are figures and codes; NULL where it is none."""
    return f"""(
        SELECT jsonb_object_agg(key, value)
        FROM jsonb_each(CASE WHEN jsonb_typeof({value}) = 'object' THEN {value} END)
        WHERE key = ANY('{{{keys}}}')
    )"""


_TOLD: Final = "rule_score,judge_score,capped,evidence,evaluator,worker,error"
_PARTS: Final = {
    "judge": "name,score,confidence,judgements,spread,calls,input_tokens,output_tokens,"
    "cached_tokens,untold_calls,cost_usd",
    "execution": "status,backend,layers,cpu_ms,wall_ms,output_cut",
}
_RULES: Final = f"""(
    SELECT jsonb_agg({_pick("rule", "name,weight,outcome")})
    FROM jsonb_array_elements(
        CASE WHEN jsonb_typeof(detail -> 'rules') = 'array' THEN detail -> 'rules' END
    ) AS rule
)"""
_FIGURES: Final = f"""
    coalesce({_pick("detail", _TOLD)}, '{{}}')
    || jsonb_strip_nulls(jsonb_build_object('rules', {_RULES}, {
    ", ".join(f"'{part}', " + _pick(f"detail -> '{part}'", keys) for part, keys in _PARTS.items())
}))
    || jsonb_build_object('{REMOVED}', jsonb_build_object('by', '{BODY_RETENTION}', 'at', now()))
"""
# A detail is large: fetched once (`#> '{}'`, and no planner pulls up an OFFSET), then read often.
_REMOVE_TEXTS: Final = f"""
    WITH conversations AS (
        UPDATE selfheal.conversations
        SET messages = '[]', tools = NULL, parameters = '{{}}', variables = '{{}}', choices = NULL
        WHERE execution_id = ANY($1::bigint[])
    )
    UPDATE execution_logs
    SET user_input = '', refined_input = NULL, worker_output = NULL,
        error_message = CASE WHEN error_message IS NOT NULL THEN 'removed by {BODY_RETENTION}' END,
        evaluation_detail = {_FIGURES}
    FROM (
        SELECT id, evaluation_detail #> '{{}}' AS detail FROM execution_logs
        WHERE id = ANY($1) OFFSET 0
    ) AS read
    WHERE execution_logs.id = read.id
"""


@dataclass(slots=True)
class Walk:
    """How far the log was looked through for a rule."""

    rule: Rule
    after: tuple[str, int] = START

    async def remove_some(
        self, connection: asyncpg.Connection, *, now: datetime, lookback_minutes: int
    ) -> tuple[int, bool]:
        """Remove what is due among the next rows; in a transaction, of which there is one a batch.

        Args:
            now: This machine's time.

        Returns:
            How many rows it was, and whether there may be more to look at.
        """
        rule = self.rule
        looked: Any = await connection.fetchrow(
            _LOOKS[rule.kind],
            *self.after,
            now,
            rule.days,
            list(rule.task_types),
            rule.is_default,
            lookback_minutes,
            timeout=TIMEOUT_SECONDS,
        )
        if due := looked["due"]:
            if rule.kind == "rows":
                await freeze_counts(connection, due)
            remove = _REMOVE_ROWS if rule.kind == "rows" else _REMOVE_TEXTS
            await connection.execute(remove, due, timeout=TIMEOUT_SECONDS)
        if looked["looked_at"]:
            self.after = looked["last_moment"], looked["last_id"]
        return len(due), looked["looked_at"] == ROWS_AT_ONCE
