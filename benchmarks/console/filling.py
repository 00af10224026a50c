"""Fills what the console shows around a filled log: conversations, deploys, heals, watches."""

import json
import time
from datetime import datetime
from pathlib import Path
from statistics import median

import asyncpg

from benchmarks.log_filling import Progress, fill
from services.common.database import Database
from services.manager.app.rollups.traffic_counter import TrafficCounter

# A row in so many has a conversation, which is a million of ten.
CONVERSATION_EVERY = 10
CHUNK_ROWS = 100_000
TIMEOUT_SECONDS = 3_600.0
ROUNDS = 20
# What a real heal left on record.
HEAL_DETAIL = Path(__file__).with_name("heal_detail.json")

EMPTY = """
    TRUNCATE selfheal.conversations, selfheal.candidates, selfheal.healing_runs, selfheal.watches,
             selfheal.traffic, selfheal.fingerprints, selfheal.leases, optimization_reports
"""
INSERT_CONVERSATIONS = """
    INSERT INTO selfheal.conversations (
        execution_id, request_id, messages, choices, finish_reason, input_tokens, output_tokens,
        provider, model_asked, model_answered, prompt_id, first_token_ms, duration_ms, session_id,
        end_user, inclusion_probability, created_at
    )
    SELECT l.id, l.request_id,
           jsonb_build_array(jsonb_build_object('role', 'user', 'content', l.user_input)),
           jsonb_build_array(jsonb_build_object(
               'index', 0, 'finish_reason', 'stop',
               'message', jsonb_build_object('role', 'assistant', 'content', l.worker_output)
           )),
           'stop', 300 + l.id % 200, 100 + l.id % 300, 'openai', l.task_type, 'gpt-4.1-mini', p.id,
           120, l.worker_latency_ms, 'session-' || l.id / 50, 'user-' || l.id % 997,
           CASE WHEN l.evaluation_passed IS NOT NULL THEN 0.5 END, l.created_at
    FROM execution_logs AS l
    LEFT JOIN prompts AS p ON p.task_type = l.task_type AND p.version = l.prompt_version
    WHERE l.id >= $1 AND l.id < $2 AND l.id % $3 = 0
"""
# Each version was brought by a heal with its report and its watch; another heal held on each.
INSERT_HEALS = """
    WITH deployed AS (
        SELECT id, task_type, version, content, created_at,
               lag(id) OVER w AS before_id, lag(version) OVER w AS before_version,
               lag(content) OVER w AS before_content
        FROM prompts
        WINDOW w AS (PARTITION BY task_type ORDER BY version)
    ), reports AS (
        INSERT INTO optimization_reports (
            task_type, before_prompt_version, before_prompt_content, after_prompt_version,
            after_prompt_content, failure_analysis, improvement_pct, created_at
        )
        SELECT task_type, before_version, before_content, version, content, $1, 64.4, created_at
        FROM deployed WHERE before_id IS NOT NULL
        RETURNING id, task_type, after_prompt_version
    ), candidates AS (
        INSERT INTO selfheal.candidates (
            task_type, content, strategy, incumbent_prompt_id, created_at, outcome, decided_at
        )
        SELECT task_type, content, 'last_good_version', before_id, created_at, 'promoted',
               created_at
        FROM deployed WHERE before_id IS NOT NULL
        RETURNING id, task_type, incumbent_prompt_id
    ), runs AS (
        INSERT INTO selfheal.healing_runs (
            task_type, incumbent_prompt_id, decision, reason, report_id, candidate_id, detail,
            created_at, verdict, triggered_by
        )
        SELECT d.task_type, before_id, 'promoted', 'better', r.id, c.id, $1, d.created_at, 'prompt',
               'autopilot'
        FROM deployed AS d
        JOIN reports AS r ON r.task_type = d.task_type AND r.after_prompt_version = d.version
        JOIN candidates AS c ON c.task_type = d.task_type AND c.incumbent_prompt_id = d.before_id
        UNION ALL
        SELECT task_type, id, 'held', 'provider_at_fault', NULL, NULL, $1,
               created_at + interval '3 hours', 'provider', 'autopilot'
        FROM deployed
    )
    INSERT INTO selfheal.watches (
        task_type, prompt_id, before_prompt_id, candidate_id, started_at, ended_at, outcome
    )
    SELECT d.task_type, d.id, before_id, c.id, created_at,
           CASE WHEN version < max(version) OVER () THEN created_at + interval '2 hours' END,
           CASE WHEN version < max(version) OVER () THEN 'kept' END
    FROM deployed AS d
    JOIN candidates AS c ON c.task_type = d.task_type AND c.incumbent_prompt_id = d.before_id
"""
INSERT_EVENTS = """
    INSERT INTO selfheal.audit (at, person, action, object, task_type, before, after)
    SELECT created_at, 'alice', 'insert', 'prompt ' || id, task_type, NULL, to_jsonb(prompts)
    FROM prompts
"""


async def fill_around(connection: asyncpg.Connection, rows: int, *, progress: Progress) -> None:
    """Put `rows` rows into the log, and beside them what the console shows with them."""
    await connection.execute(EMPTY)
    await fill(connection, rows, progress=progress)
    first, last = await connection.fetchval("SELECT ARRAY[min(id), max(id)] FROM execution_logs")
    for start in range(first, last + 1, CHUNK_ROWS):
        await connection.execute(
            INSERT_CONVERSATIONS, start, start + CHUNK_ROWS, CONVERSATION_EVERY
        )
        progress(f"conversations of {min(start + CHUNK_ROWS - first, rows):,} rows")
    await connection.execute(INSERT_HEALS, json.loads(HEAL_DETAIL.read_text(encoding="utf-8")))
    await connection.execute(INSERT_EVENTS)
    await connection.execute("VACUUM ANALYZE")


async def count_all(url: str, *, progress: Progress) -> tuple[float, float]:
    """Count the whole log, as the Manager does at its first start, without its pauses.

    Returns:
        Seconds of the first count of everything, if it wasn't counted yet, and of a round after it.
    """
    database = Database(url, timeout_seconds=TIMEOUT_SECONDS)
    await database.open()
    counter = TrafficCounter(database)
    began = time.perf_counter()
    slices = 1
    while await counter.count_round(with_recent=slices == 1):
        slices += 1
    seconds = time.perf_counter() - began
    progress(f"counted in {slices:,} slices, {seconds:.1f} s")
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await counter.count_round()
        rounds.append(time.perf_counter() - began)
    await counter.close()
    await database.close()
    return seconds, median(rounds)


async def read_end(connection: asyncpg.Connection) -> datetime:
    """Read when the last row was logged."""
    end: datetime = await connection.fetchval("SELECT max(created_at) FROM execution_logs")
    return end
