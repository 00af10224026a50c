"""The admin API's trials: a draft on inputs, a logged request again, an answer judged."""

from typing import Final
from uuid import UUID

import asyncpg
from fastapi import Request

from services.common.admin.schemas import (
    EvaluateRequest,
    ReplayRequest,
    TrialAnswer,
    TrialRequest,
    TrialResult,
)
from services.common.chat.messages import NOT_WHOLE, ChatInput
from services.common.errors import InvalidRequestError
from services.common.evaluation_detail import REMOVED
from services.common.record.changes import load_serving
from services.common.replays.asking import Question
from services.common.resilience.hang_ups import while_connected
from services.common.schemas import TaskType
from services.manager.app.access.callers import AnyCaller, create_router
from services.manager.app.admin.prompts import load_prompt
from services.manager.app.door.errors import TextsRemovedError, UnknownRequestError
from services.manager.app.services.trials import Trials

# A client may have used an id again: its latest request is meant.
SELECT_QUESTION: Final = f"""
    SELECT l.task_type, l.user_input, l.refined_input, c.execution_id IS NOT NULL AS at_the_door,
           c.messages, c.tools, c.parameters, c.variables,
           l.evaluation_detail #>> '{{{REMOVED},by}}' AS texts_removed_by
    FROM execution_logs l
    LEFT JOIN selfheal.conversations c ON c.execution_id = l.id
    WHERE l.request_id = $1
    ORDER BY l.id DESC
    LIMIT 1
"""

router = create_router()


@router.post("/prompts/{task_type}/trial")
async def try_draft(
    task_type: TaskType, body: TrialRequest, request: Request, caller: AnyCaller
) -> TrialResult:
    """Run a draft and what serves on a few inputs; nothing of it is served or logged."""
    caller.require_task_type(task_type)
    async with caller.database.connection() as connection:
        serving = await load_serving(connection, task_type)
    comparing = trials_of(request).compare(serving, body.content, body.inputs)
    return await while_connected(request.receive, comparing)


@router.post("/requests/{request_id}/replay")
async def replay_request(
    request_id: UUID, body: ReplayRequest, request: Request, caller: AnyCaller
) -> TrialAnswer:
    """Run a logged request again under a version's text; nothing of it is logged."""
    async with caller.database.connection() as connection:
        row = await connection.fetchrow(SELECT_QUESTION, request_id)
        if row is None:
            raise UnknownRequestError(f"No request {request_id} is in the log.")
        caller.require_task_type(row["task_type"])
        prompt = await load_prompt(connection, body.prompt_id, row["task_type"])
    rerunning = trials_of(request).rerun(prompt, _read_question(row))
    return await while_connected(request.receive, rerunning)


@router.post("/evaluations")
async def judge_answer(body: EvaluateRequest, request: Request, caller: AnyCaller) -> TrialAnswer:
    """Have an answer judged; nothing of it is kept."""
    caller.require_task_type(body.task_type)
    judging = trials_of(request).judge(body.task_type, body.user_input, body.worker_output)
    return await while_connected(request.receive, judging)


def trials_of(request: Request) -> Trials:
    """Return what runs trials."""
    trials: Trials = request.app.state.trials
    return trials


def _read_question(row: asyncpg.Record) -> Question:
    if row["texts_removed_by"]:
        raise TextsRemovedError(row["texts_removed_by"])
    conversation: ChatInput | None = None
    if row["at_the_door"]:
        if NOT_WHOLE in row["parameters"] or not row["messages"]:
            raise InvalidRequestError(
                "This conversation was too large to be kept whole, so it can't be run again."
            )
        conversation = ChatInput(
            messages=row["messages"],
            tools=row["tools"] or (),
            parameters=row["parameters"],
            variables=row["variables"],
        )
    return Question(row["user_input"], row["refined_input"] or row["user_input"], conversation)
