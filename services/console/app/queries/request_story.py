"""Reads one request: its latest row, what came through the door, and what it could be run under."""

from typing import Any, Final
from uuid import UUID

import asyncpg

from services.common.database import decode_json
from services.common.schemas import MAX_OUTPUT_CHARACTERS
from services.console.app.queries.request_search import INPUT, OUTCOME, OUTPUT

MAX_SHOWN_CHARACTERS: Final = MAX_OUTPUT_CHARACTERS
MAX_JSON_BYTES: Final = 4_000_000
MAX_VERSIONS: Final = 100

# As text: what is nested too deep for Python to read is left out, and is no error.
_JSON = "CASE WHEN octet_length({0}::text) <= $3 THEN {0}::text END AS {1}"
_JSON_COLUMNS = ("detail", "messages", "tools", "choices", "parameters", "variables", "tags")
# A client may have used an id again: its latest request is meant.
SELECT_STORY = f"""
    SELECT l.id, l.request_id, l.created_at, l.task_type, {OUTCOME} AS outcome, l.prompt_version,
           {INPUT} AS user_input, {OUTPUT} AS output,
           left(l.error_message, 4000) AS error, l.worker_latency_ms AS latency_ms,
           l.evaluation_score AS score, l.evaluation_passed AS passed,
           {_JSON.format("l.evaluation_detail", "detail")},
           l.evaluation_detail IS NOT NULL AS has_detail,
           c.execution_id IS NOT NULL AS is_conversation,
           {_JSON.format("c.messages", "messages")}, {_JSON.format("c.tools", "tools")},
           {_JSON.format("c.choices", "choices")}, {_JSON.format("c.parameters", "parameters")},
           {_JSON.format("c.variables", "variables")}, {_JSON.format("c.tags", "tags")},
           c.finish_reason, c.input_tokens, c.output_tokens, c.cached_tokens, c.reasoning_tokens,
           c.provider, c.model_answered, c.prompt_digest, c.first_token_ms,
           c.session_id, c.end_user,
           coalesce(c.prompt_id, p.id) AS prompt_id, latest.times
    FROM (
        SELECT max(id) AS id, count(*) AS times FROM (
            SELECT id FROM execution_logs
            WHERE request_id = $1 AND ($4::text[] IS NULL OR task_type = ANY($4))
            ORDER BY id DESC LIMIT 500
        ) AS same
    ) AS latest
    JOIN execution_logs AS l ON l.id = latest.id
    LEFT JOIN selfheal.conversations AS c ON c.execution_id = l.id
    LEFT JOIN LATERAL (
        SELECT id FROM prompts
        WHERE task_type = l.task_type AND version = l.prompt_version
          AND l.evaluation_detail #>> '{{worker,arm}}' IS DISTINCT FROM 'candidate'
        ORDER BY id DESC LIMIT 1
    ) AS p ON TRUE
"""
# As JSON that PostgreSQL writes: it has every value that a column can hold.
SELECT_RAW = """
    SELECT (to_jsonb(l) || jsonb_build_object('conversation', to_jsonb(c)))::text
    FROM execution_logs AS l LEFT JOIN selfheal.conversations AS c ON c.execution_id = l.id
    WHERE l.request_id = $1 AND ($2::text[] IS NULL OR l.task_type = ANY($2))
    ORDER BY l.id DESC LIMIT 1
"""
SELECT_VERSIONS = """
    SELECT id, version, is_active FROM prompts WHERE task_type = $1
    ORDER BY version DESC, id DESC LIMIT $2
"""


async def read_story(
    connection: asyncpg.Connection, request_id: UUID, task_types: list[str] | None
) -> dict[str, Any] | None:
    """Read a request, its texts and JSON cut to what a page can show; None where there is none.

    Args:
        task_types: The only ones that the viewer may see; None for all.
    """
    record = await connection.fetchrow(
        SELECT_STORY, request_id, MAX_SHOWN_CHARACTERS, MAX_JSON_BYTES, task_types
    )
    if record is None:
        return None
    return dict(record) | {name: _read_json(record[name]) for name in _JSON_COLUMNS}


def _read_json(text: str | None) -> Any:
    try:
        return decode_json(text or "null")
    except (ValueError, RecursionError):
        return None


async def read_raw(
    connection: asyncpg.Connection, request_id: UUID, task_types: list[str] | None
) -> str | None:
    """Read a request's row and conversation as JSON; None where there is none."""
    text: str | None = await connection.fetchval(SELECT_RAW, request_id, task_types)
    return text


async def list_versions(connection: asyncpg.Connection, task_type: str) -> list[dict[str, Any]]:
    """List the newest prompts that a request of a task type could be run under."""
    return [dict(row) for row in await connection.fetch(SELECT_VERSIONS, task_type, MAX_VERSIONS)]
