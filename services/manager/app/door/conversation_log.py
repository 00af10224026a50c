"""Reads what became of a request, and which models there are."""

from typing import Any
from uuid import UUID

from services.common.database import Database
from services.common.evaluation_detail import REMOVED

CLIENT_CLOSED = "client_closed"
# A client may have used an id again: its latest request is meant.
SELECT_REQUEST = f"""
    SELECT l.*, to_jsonb(c) AS conversation,
           evaluation_detail #>> '{{{REMOVED},by}}' AS texts_removed_by, CASE
        WHEN p.execution_id IS NOT NULL THEN 'pending'
        WHEN l.evaluation_score IS NOT NULL THEN 'scored'
        WHEN l.error_message IS NOT NULL THEN 'unscored'
        WHEN '{CLIENT_CLOSED}' IN (c.finish_reason, l.evaluation_detail #>> '{{error,code}}')
            THEN '{CLIENT_CLOSED}'
        ELSE 'not_chosen' END AS evaluation
    FROM execution_logs AS l
    LEFT JOIN LATERAL (
        SELECT finish_reason, provider, model_asked, model_answered, prompt_id, prompt_digest,
               first_token_ms, duration_ms, session_id, end_user, tags,
               (SELECT to_jsonb(u) FROM (
                    SELECT input_tokens, output_tokens, cached_tokens, reasoning_tokens
               ) AS u) AS usage
        FROM selfheal.conversations WHERE execution_id = l.id
    ) AS c ON TRUE
    LEFT JOIN selfheal.pending_scores AS p ON p.execution_id = l.id
    WHERE l.request_id = $1
    ORDER BY l.id DESC
    LIMIT 1
"""
# When each began to serve is when its model was made.
SELECT_MODELS = """
    SELECT DISTINCT ON (task_type) task_type, created_at
    FROM prompts
    WHERE is_active = TRUE
    ORDER BY task_type, version DESC, id DESC
    LIMIT 200
"""


class ConversationLog:
    """The log, as the door reads it.

    Every method raises DatabaseUnavailableError if the database gives no answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_request(self, request_id: UUID) -> dict[str, Any] | None:
        """Read the row of a request, what became of it, and its conversation."""
        async with self._database.connection() as connection:
            record = await connection.fetchrow(SELECT_REQUEST, request_id)
        return dict(record) if record else None

    async def read_models(self) -> dict[str, int]:
        """Read the task types with an active prompt, each with its time in seconds of the epoch."""
        async with self._database.connection() as connection:
            records = await connection.fetch(SELECT_MODELS)
        return {record["task_type"]: int(record["created_at"].timestamp()) for record in records}
