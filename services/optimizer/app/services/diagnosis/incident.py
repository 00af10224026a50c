"""Counts an incident's heals: when so many found no repair, a person is told, and it ends there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from services.common.presentation.detail_reading import (
    Detail,
    read_line,
    read_part,
    read_records,
)
from services.common.record.healing_runs import WORSE_LIVE
from services.optimizer.app.services.proof.wager_store import find_incident

NO_REPAIR: Final = "no_repair_found"
# Heals that took something: calls of the Worker, or candidates. Runs that a failing service ended
# for good, those that a person asked for and rollbacks say nothing of how far heals got. What was
# healed so that its watch kept it is healed: the count begins anew.
HEALS: Final = """
    FROM selfheal.healing_runs r
    WHERE r.task_type = $1
      AND r.created_at >= coalesce(
          (SELECT activated_at FROM selfheal.activations WHERE id = $2), '-infinity'
      )
      AND r.created_at > coalesce(
          (SELECT max(started_at) FROM selfheal.watches
           WHERE task_type = $1 AND outcome = 'kept'), '-infinity'
      )
      AND r.requested_by IS NULL AND r.decision <> 'rolled_back' AND r.reason <> $3
      AND coalesce(r.verdict, '') NOT IN ('provider', 'evaluator')
      AND (r.detail @? '$.cost.worker_calls ? (@ > 0)' OR r.detail @? '$.candidates[0]')
"""
COUNT_HEALS: Final = f"""
    SELECT count(*) AS count, coalesce(bool_or(r.reason = $4), FALSE) AS has_given_up {HEALS}
"""
SELECT_DETAILS: Final = f"SELECT r.detail {HEALS} ORDER BY r.created_at DESC LIMIT 50"
# As texts: a detail that somebody edited may hold anything for an id.
SELECT_TEXTS: Final = """
    SELECT id::text AS id, content FROM selfheal.candidates
    WHERE task_type = $1 AND id::text = ANY($2::text[])
"""


@dataclass(frozen=True, slots=True)
class IncidentHeals:
    """The heals of a task type's incident.

    Attributes:
        has_given_up: Whether one of them told a person that no repair was found.
    """

    count: int
    has_given_up: bool


async def count_heals(connection: asyncpg.Connection, task_type: str) -> IncidentHeals:
    """Count the heals since a person last deployed a prompt, or since a repair was kept."""
    incident = await find_incident(connection, task_type)
    [record] = await connection.fetch(COUNT_HEALS, task_type, incident, WORSE_LIVE, NO_REPAIR)
    return IncidentHeals(record["count"], record["has_given_up"])


async def load_heal_details(
    connection: asyncpg.Connection, task_type: str
) -> Sequence[dict[str, Any]]:
    """Load what these heals left on record, the latest first, 50 at most."""
    incident = await find_incident(connection, task_type)
    rows = await connection.fetch(SELECT_DETAILS, task_type, incident, WORSE_LIVE)
    return [row["detail"] for row in rows if isinstance(row["detail"], dict)]


async def load_texts(
    connection: asyncpg.Connection, task_type: str, details: Sequence[Detail]
) -> dict[str, str]:
    """Load the texts of the candidates that heals left on record, by their ids."""
    ids = {
        known
        for detail in details
        for record in (*read_records(detail, "candidates"), read_part(detail, "verdict"))
        if (known := read_line(record, "candidate_id"))
    }
    rows = await connection.fetch(SELECT_TEXTS, task_type, list(ids))
    return {row["id"]: row["content"] for row in rows}
