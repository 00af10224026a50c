"""Looks at the log from its oldest row on, some rows at a time, and removes what is due."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from services.common.evaluation_detail import BODY_RETENTION, REMOVED
from services.common.personal.blanking import write_blanking
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
_REMOVE_TEXTS: Final = write_blanking(BODY_RETENTION)


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
