"""Reads runs of the Optimizer for the operator's commands."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.common.record.outcomes import PROPOSED
from services.common.record.prompts import write_digest

# A run with its report and its watch. Only an Optimizer writes down that a watch ended, but what
# serves no longer is watched no longer.
COLUMNS: Final = """
    r.id, r.task_type, r.decision, r.reason, r.verdict, r.triggered_by, r.resolution,
    r.resolved_at, r.created_at, r.report_id, r.candidate_id, r.incumbent_prompt_id,
    r.requested_by, r.resolved_by, looked_at.version,
    coalesce(promoted.version, o.after_prompt_version, CASE
        WHEN jsonb_typeof(r.detail -> 'activated_version') = 'number'
        THEN (r.detail ->> 'activated_version')::integer
    END) AS after_version,
    w.started_at AS watched_since, w.ended_at AS watched_until,
    CASE WHEN w.ended_at IS NULL AND NOT promoted.is_active THEN 'superseded' ELSE w.outcome END
        AS watch_outcome
"""
TABLES: Final = """
    selfheal.healing_runs r
    LEFT JOIN LATERAL (
        SELECT prompt_id, started_at, ended_at, outcome
        FROM selfheal.watches
        WHERE candidate_id = r.candidate_id AND r.decision IN ('promoted', 'proposed')
        ORDER BY id DESC
        LIMIT 1
    ) w ON TRUE
    LEFT JOIN prompts looked_at ON looked_at.id = r.incumbent_prompt_id
    LEFT JOIN prompts promoted ON promoted.id = w.prompt_id
    LEFT JOIN optimization_reports o ON o.id = r.report_id AND o.task_type = r.task_type
"""
LATEST_FIRST: Final = "ORDER BY r.created_at DESC, r.id"
OF_TASK_TYPE: Final = "WHERE $1::text IS NULL OR r.task_type = $1"
# The detail is long: a list has its summary alone.
SELECT_SUMMARIES: Final = f"""
    SELECT {COLUMNS}, jsonb_build_object('summary', r.detail -> 'summary') AS detail
    FROM {TABLES} {OF_TASK_TYPE} {LATEST_FIRST} LIMIT $2
"""
# Whole texts are for one report. A prompt that was edited by hand since isn't what was looked at.
SELECT_RUNS: Final = f"""
    SELECT {COLUMNS}, r.detail,
        coalesce(o.before_prompt_content, CASE
            WHEN {write_digest("looked_at.content")} = r.incumbent_digest
            THEN looked_at.content
        END) AS before_content,
        coalesce(o.after_prompt_content, c.content) AS after_content
    FROM {TABLES} LEFT JOIN selfheal.candidates c ON c.id = r.candidate_id
"""
SELECT_LATEST: Final = f"{SELECT_RUNS} {OF_TASK_TYPE} {LATEST_FIRST} LIMIT 1"
SELECT_BY_ID: Final = f"{SELECT_RUNS} WHERE r.id BETWEEN $1 AND $2 {LATEST_FIRST} LIMIT 20"
SELECT_BY_REPORT: Final = f"{SELECT_RUNS} WHERE r.report_id = $1 {LATEST_FIRST} LIMIT 20"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run of the Optimizer on one prompt, as it is on record.

    Attributes:
        decision: `promoted`, `proposed`, `held`, `rolled_back`, or `canary` until it is decided.
        verdict: Whose fault the failures are, where that was asked; named as the column is.
        resolution: What became of a proposal: `approved`, `rejected`, `superseded`.
        created_at: When the run ended.
        candidate_id: The text that the gate judged.
        requested_by: The person who asked for it; None where nobody did.
        resolved_by: The person who answered its proposal, where that is on record.
        version: Version of that prompt, unless its row is gone.
        watched_since: When the replacement began to serve.
        watched_until: When the watch over it ended, where that is on record.
        watch_outcome: How that ended: `kept`, `rolled_back`, `superseded`.
        detail: All that the run knew; only its summary in a list.
        before_content: Text that was looked at; None in a list, and where it isn't known.
        after_content: Text that replaced it, or would; None in a list.
    """

    id: UUID
    task_type: str
    decision: str
    reason: str
    verdict: str | None
    triggered_by: str | None
    resolution: str | None
    resolved_at: datetime | None
    created_at: datetime
    report_id: int | None
    candidate_id: UUID | None
    incumbent_prompt_id: int
    version: int | None
    after_version: int | None
    watched_since: datetime | None
    watched_until: datetime | None
    watch_outcome: str | None
    detail: dict[str, Any]
    before_content: str | None = None
    after_content: str | None = None
    requested_by: str | None = None
    resolved_by: str | None = None

    @property
    def outcome(self) -> str:
        """The decision; once a proposal was answered, what became of it."""
        is_answered = self.decision == PROPOSED and self.resolution is not None
        return (self.resolution if is_answered else None) or self.decision

    @property
    def is_open_proposal(self) -> bool:
        """Whether a proven text waits for a person's answer."""
        return self.decision == PROPOSED and self.resolution is None

    @property
    def is_watched(self) -> bool:
        """Whether what this run activated is being watched now."""
        has_ended = self.watched_until is not None or self.watch_outcome is not None
        return self.watched_since is not None and not has_ended


async def load_runs(
    connection: asyncpg.Connection, *, task_type: str | None, limit: int
) -> list[StoredRun]:
    """Load the latest runs, without most of their detail."""
    return await _load(connection, SELECT_SUMMARIES, task_type, limit)


async def load_latest_run(
    connection: asyncpg.Connection, *, task_type: str | None
) -> list[StoredRun]:
    """Load the latest run with all its detail; an empty list where there is none."""
    return await _load(connection, SELECT_LATEST, task_type)


async def load_runs_by_id(
    connection: asyncpg.Connection, first: UUID, last: UUID
) -> list[StoredRun]:
    """Load the runs whose ids lie between these two, 20 at most."""
    return await _load(connection, SELECT_BY_ID, first, last)


async def load_runs_by_report(connection: asyncpg.Connection, report_id: int) -> list[StoredRun]:
    """Load the run whose row in `optimization_reports` has this id."""
    return await _load(connection, SELECT_BY_REPORT, report_id)


async def _load(connection: asyncpg.Connection, query: str, *values: object) -> list[StoredRun]:
    rows = [dict(record) for record in await connection.fetch(query, *values)]
    return [
        StoredRun(**row | {"detail": row["detail"] if isinstance(row["detail"], dict) else {}})
        for row in rows
    ]
