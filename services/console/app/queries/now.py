"""Reads how it is now: what serves, five-minute counts, and what happened to each task type."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import asyncpg

from services.common.record.active_prompt import BY_ACTIVE_PROMPT
from services.common.record.healing_runs import APPROVED
from services.common.record.outcomes import CANARY, HELD, PROMOTED, PROPOSED, ROLLED_BACK
from services.common.record.surprise import Record
from services.common.record.traffic import TrafficPoint, load_traffic
from services.console.app.queries.concerns import WINDOW, Facts, Run

DAY: Final = timedelta(hours=24)
USUAL: Final = timedelta(days=7)
# What is usual rests on as many answers as the Optimizer's does.
MAX_USUAL_ANSWERS: Final = 200
MORE_THAN_ALL: Final = int(2 * USUAL.total_seconds())
KINDS: Final = {
    PROMOTED: "heal", ROLLED_BACK: "rollback", HELD: "alarm", PROPOSED: "proposal", CANARY: "canary"
}  # fmt: skip
SELECT_SERVING: Final = """
    SELECT DISTINCT ON (task_type) task_type, id AS prompt_id, version, created_by,
           left(change_reason, 1000) AS reason,
           coalesce((SELECT max(activated_at) FROM selfheal.activations a WHERE a.prompt_id = p.id),
                    created_at) AS since
    FROM prompts p
    WHERE is_active AND ($1::text[] IS NULL OR task_type = ANY($1))
    ORDER BY task_type, version DESC, id DESC
"""
# The newest rows by their indexes, whatever the log holds. What waits for its score, or wasn't
# chosen for one, has no error.
SELECT_WINDOW: Final = f"""
    SELECT s.task_type, outcomes, failing_since, unscored,
           greatest(answers.last_scored_at, others.last_unscored_at) AS last_request_at
    FROM unnest($1::text[], $2::int[], $3::timestamptz[]) AS s (task_type, version, since)
    CROSS JOIN LATERAL (
        SELECT coalesce(
                   array_agg(evaluation_passed ORDER BY created_at)
                       FILTER (WHERE created_at >= s.since),
                   '{{}}'
               ) AS outcomes,
               min(created_at) FILTER (
                   WHERE NOT evaluation_passed AND created_at >= s.since) AS failing_since,
               max(created_at) AS last_scored_at
        FROM (
            SELECT created_at, evaluation_passed FROM execution_logs
            WHERE task_type = s.task_type AND prompt_version = s.version
              AND evaluation_passed IS NOT NULL AND {BY_ACTIVE_PROMPT}
            ORDER BY created_at DESC LIMIT 300
        ) AS newest
    ) AS answers
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE has_error AND created_at >= s.since) AS unscored,
               max(created_at) AS last_unscored_at
        FROM (
            SELECT created_at, error_message IS NOT NULL AS has_error FROM execution_logs
            WHERE task_type = s.task_type AND evaluation_passed IS NULL
            ORDER BY created_at DESC LIMIT 300
        ) AS newest
    ) AS others
"""
RUN: Final = """
    r.id, r.task_type, r.decision, r.reason, r.verdict AS fault, r.resolution, r.resolved_at,
    r.created_at, o.after_prompt_version AS version
"""
# An outage is told every few minutes, and hides no heal.
SELECT_RUNS: Final = f"""
    SELECT {RUN}
    FROM unnest($1::text[]) AS s (task_type)
    CROSS JOIN LATERAL (
        (SELECT * FROM selfheal.healing_runs
         WHERE task_type = s.task_type AND created_at >= $2 AND decision = 'held'
         ORDER BY created_at DESC LIMIT 300)
        UNION ALL
        (SELECT * FROM selfheal.healing_runs
         WHERE task_type = s.task_type AND created_at >= $2 AND decision <> 'held'
         ORDER BY created_at DESC LIMIT 300)
    ) AS r
    LEFT JOIN optimization_reports o ON o.id = r.report_id
    ORDER BY r.created_at DESC
"""
# Those that could be approved: the prompt that they were proven against serves.
SELECT_PROPOSALS: Final = f"""
    SELECT {RUN}
    FROM selfheal.healing_runs r LEFT JOIN optimization_reports o ON FALSE
    WHERE r.task_type = ANY($1) AND r.decision = 'proposed' AND r.resolution IS NULL
      AND r.incumbent_prompt_id = ANY($2)
    ORDER BY r.created_at
"""
SELECT_WATCHES: Final = """
    SELECT w.task_type, w.started_at AS watch_since, (
        SELECT id FROM selfheal.healing_runs r
        WHERE r.task_type = w.task_type AND r.candidate_id = w.candidate_id
        ORDER BY created_at DESC LIMIT 1
    ) AS watch_run_id
    FROM selfheal.watches w
    WHERE w.task_type = ANY($1) AND w.ended_at IS NULL AND w.prompt_id = ANY($2)
    ORDER BY w.id
"""
# Among the latest repairs of each task type, but those that did worse in service.
SELECT_BEATEN: Final = """
    SELECT s.task_type, (
        SELECT r.id
        FROM (
            SELECT id, before_prompt_content FROM optimization_reports
            WHERE task_type = s.task_type ORDER BY created_at DESC LIMIT 50
        ) AS o
        JOIN selfheal.healing_runs r ON r.report_id = o.id AND r.task_type = s.task_type
        WHERE o.before_prompt_content = p.content
          AND NOT EXISTS (
              SELECT FROM selfheal.watches w
              WHERE w.task_type = s.task_type AND w.report_id = o.id AND w.outcome = 'rolled_back'
          )
        ORDER BY o.id DESC LIMIT 1
    ) AS beaten_by
    FROM unnest($1::text[], $2::int[]) AS s (task_type, prompt_id)
    JOIN prompts p ON p.id = s.prompt_id
"""
SELECT_TRYING: Final = """
    SELECT task_type, max(created_at) AS trying_since FROM selfheal.candidates c
    WHERE task_type = ANY($1) AND created_at >= $2
      AND NOT EXISTS (
          SELECT FROM selfheal.healing_runs r
          WHERE r.task_type = c.task_type AND r.created_at >= c.created_at
      )
    GROUP BY 1
"""
SELECT_PENDING: Final = """
    SELECT task_type, count(*) AS pending, min(created_at) AS pending_since
    FROM (
        SELECT task_type, created_at FROM selfheal.pending_scores
        WHERE task_type = ANY($1) ORDER BY claimable_at LIMIT 1000
    ) AS waiting
    GROUP BY 1
"""
SELECT_ACTIVATIONS: Final = """
    SELECT task_type, version, activated_at FROM selfheal.activations
    WHERE task_type = ANY($1) AND activated_at >= $2
    ORDER BY activated_at DESC LIMIT 1000
"""
SELECT_SYSTEM: Final = """
    SELECT (
        SELECT min(created_at) FROM selfheal.jobs
        WHERE finished_at IS NULL AND coalesce(claimed_until < now(), TRUE)
          AND ($1::text[] IS NULL OR task_type = ANY($1))
    ) AS job_since,
    (SELECT held_until FROM selfheal.leases WHERE name = 'traffic') AS counted_at
"""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: `deploy`, `heal`, `rollback`, `alarm` (and nothing changed), `proposal`
    or `canary` (a repair serves a share of the traffic).
    """

    task_type: str
    kind: str
    at: datetime
    version: int | None = None
    run: Run | None = None


async def load_serving(
    connection: asyncpg.Connection, task_types: Sequence[str] | None
) -> list[Any]:
    """Load what serves each task type that somebody may see, since when, by whom and why."""
    rows: list[Any] = await connection.fetch(SELECT_SERVING, task_types)
    return rows


async def load_events(
    connection: asyncpg.Connection, task_types: Sequence[str], *, since: datetime
) -> dict[str, list[Event]]:
    """Load what happened to each task type, the latest first."""
    runs = await _load_runs(connection, task_types, since=since)
    activations = await connection.fetch(SELECT_ACTIVATIONS, task_types, since)
    told = [*map(_tell_run, runs), *_tell_deploys(activations, runs)]
    events: dict[str, list[Event]] = {name: [] for name in task_types}
    for event in sorted(told, key=lambda event: event.at, reverse=True):
        events[event.task_type].append(event)
    return events


async def load_facts(
    connection: asyncpg.Connection, serving: Sequence[asyncpg.Record], *, now: datetime
) -> list[Facts]:
    """Load what is to be known of each task type now."""
    names, versions = [one["task_type"] for one in serving], [one["version"] for one in serving]
    ids, window = [one["prompt_id"] for one in serving], now - WINDOW
    since = [max(window, one["since"]) for one in serving]
    known: dict[str, dict[str, Any]] = {name: {} for name in names}
    for query, values in (
        (SELECT_WINDOW, (names, versions, since)),
        (SELECT_PENDING, (names,)),
        (SELECT_TRYING, (names, window)),
        (SELECT_WATCHES, (names, ids)),
        (SELECT_BEATEN, (names, ids)),
    ):
        for row in await connection.fetch(query, *values):
            known[row["task_type"]] |= dict(row)
    proposals = await connection.fetch(SELECT_PROPOSALS, names, ids)
    waiting = {row["task_type"]: Run(**row) for row in proposals}
    runs = await _load_runs(connection, names, since=now - DAY)
    counted = await _count_traffic(connection, serving, now)
    found = []
    for one in serving:
        fields = known[one["task_type"]] | {"version": one["version"]}
        failing_since = fields.pop("failing_since") or now
        own = [run for run in runs if run.task_type == one["task_type"]]
        found.append(
            Facts(
                **fields,
                **counted[one["task_type"]],
                looked_at=next((run for run in own if run.created_at >= failing_since), None),
                rollback=next((run for run in own if run.decision == ROLLED_BACK), None),
                proposal=waiting.get(one["task_type"]),
            )
        )
    return found


async def load_system(
    connection: asyncpg.Connection, task_types: Sequence[str] | None
) -> dict[str, datetime | None]:
    """Load since when a job waits that no Optimizer has taken, and when traffic was counted."""
    [system] = await connection.fetch(SELECT_SYSTEM, task_types)
    return dict(system)


async def _count_traffic(
    connection: asyncpg.Connection, serving: Sequence[asyncpg.Record], now: datetime
) -> dict[str, dict[str, Any]]:
    """Count a day's requests, today's tokens, and what is usual: of what serves, and before it."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    whole = partial(load_traffic, connection, None, step_seconds=MORE_THAN_ALL, by_task_type=True)
    requests = {point.task_type: point.requests for point in await whole(now - DAY, now)}
    tokens = {
        point.task_type: point.input_tokens + point.output_tokens
        for point in await whole(midnight, now)
    }
    earlier = await whole(now - USUAL, now - WINDOW, by_version=True)
    return {
        name: {
            "requests": requests.get(name, 0),
            "tokens": tokens.get(name, 0),
            **_find_usual([point for point in earlier if point.task_type == name], version),
        }
        for name, version in ((one["task_type"], one["version"]) for one in serving)
    }


async def _load_runs(
    connection: asyncpg.Connection, task_types: Sequence[str], *, since: datetime
) -> list[Run]:
    return [Run(**row) for row in await connection.fetch(SELECT_RUNS, task_types, since)]


def _tell_run(run: Run) -> Event:
    is_approved = run.resolution == APPROVED and run.resolved_at is not None
    kind = "heal" if is_approved else KINDS[run.decision]
    moment = run.resolved_at if is_approved else None
    return Event(run.task_type, kind, moment or run.created_at, run.version, run)


def _tell_deploys(activations: Sequence[Any], runs: Sequence[Run]) -> Iterator[Event]:
    """Tell what began to serve otherwise than by a run."""
    of_runs = {(run.task_type, run.version) for run in runs if run.version is not None}
    for row in activations:
        if (row["task_type"], row["version"]) not in of_runs:
            yield Event(row["task_type"], "deploy", row["activated_at"], row["version"])


def _find_usual(earlier: Sequence[TrafficPoint], version: int) -> dict[str, Record]:
    """Find how the version that serves did, and how the last one before it did."""
    records = {
        point.prompt_version or 0: _shrink(point.scored, point.passed)
        for point in earlier
        if point.prompt_version in range(1, version + 1)
    }
    before = max((number for number in records if number != version), default=0)
    return {"own": records.get(version, Record()), "previous": records.get(before, Record())}


def _shrink(scored: float, passed: float) -> Record:
    """Count as many answers as the Optimizer does at most, at the same rate."""
    count = min(MAX_USUAL_ANSWERS, round(scored))
    return Record(count, min(count, round(count * passed / scored)) if scored else 0)
