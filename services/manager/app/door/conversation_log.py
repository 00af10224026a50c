"""Writes a conversation and reads what became of it."""

from dataclasses import fields
from operator import attrgetter
from typing import Any
from uuid import UUID

from services.common.database import Database
from services.manager.app.door.conversation import Conversation
from services.manager.app.scoring.sampling import Mark
from services.manager.app.services.execution_log import EXECUTION_COLUMNS, Execution, read_columns

JSON_COLUMNS = ("messages", "tools", "parameters", "variables", "choices", "tags")
_COLUMNS = [column.name for column in fields(Conversation)]
_read_columns = attrgetter(*_COLUMNS)
_FIRST = len(fields(Execution)) + 1
_VALUES = ", ".join(
    f"${number}::text::jsonb" if name in JSON_COLUMNS else f"${number}"
    for number, name in enumerate(_COLUMNS, _FIRST)
)
_MARK = _FIRST + len(_COLUMNS)
# One statement, so that no row is without its conversation, and none with a mark is forgotten.
INSERT_CONVERSATION = f"""
    WITH execution AS (
        INSERT INTO execution_logs ({EXECUTION_COLUMNS})
        VALUES ({", ".join(f"${number}" for number in range(1, _FIRST))})
        RETURNING id, task_type
    ), conversation AS (
        INSERT INTO selfheal.conversations (execution_id, {", ".join(_COLUMNS)})
        SELECT id, {_VALUES} FROM execution
    )
    INSERT INTO selfheal.pending_scores
        (execution_id, task_type, with_judge, rules_share, judge_share)
    SELECT id, task_type, ${_MARK}::boolean, ${_MARK + 1}::real, ${_MARK + 2}::real
    FROM execution WHERE ${_MARK} IS NOT NULL
"""
# A client may have used an id again: its latest request is meant.
SELECT_REQUEST = """
    SELECT l.request_id, l.task_type, l.user_input, l.refined_input, l.prompt_version,
           l.worker_output, l.worker_latency_ms, l.evaluation_score, l.evaluation_passed,
           l.evaluation_detail, l.error_message, l.created_at,
           p.execution_id IS NOT NULL AS is_pending, c.execution_id IS NOT NULL AS is_conversation,
           c.finish_reason, c.input_tokens, c.output_tokens, c.cached_tokens, c.reasoning_tokens,
           c.provider, c.model_asked, c.model_answered, c.prompt_id, c.prompt_digest,
           c.first_token_ms, c.duration_ms, c.session_id, c.end_user, c.tags
    FROM execution_logs AS l
    LEFT JOIN selfheal.conversations AS c ON c.execution_id = l.id
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
    """The log, as the door writes and reads it.

    Every method raises DatabaseUnavailableError if the database gives no answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(
        self, execution: Execution, conversation: Conversation, mark: Mark | None
    ) -> None:
        """Insert the rows of an answer and commit them; one with a mark waits for its score."""
        chances = (mark.with_judge, mark.rules_share, mark.judge_share) if mark else (None,) * 3
        async with self._database.connection() as connection:
            await connection.execute(
                INSERT_CONVERSATION,
                *read_columns(execution),
                *_read_columns(conversation),
                *chances,
            )

    async def read_request(self, request_id: UUID) -> dict[str, Any] | None:
        """Read the row of a request, and its conversation's; None where there is no row."""
        async with self._database.connection() as connection:
            record = await connection.fetchrow(SELECT_REQUEST, request_id)
        return dict(record) if record else None

    async def read_models(self) -> dict[str, int]:
        """Read the task types with an active prompt, each with its time in seconds of the epoch."""
        async with self._database.connection() as connection:
            records = await connection.fetch(SELECT_MODELS)
        return {record["task_type"]: int(record["created_at"].timestamp()) for record in records}
