"""The admin API's changes of what serves: by a text, by an earlier prompt, by a run's proposal."""

from typing import Final
from uuid import UUID

import asyncpg
from fastapi import Request

from services.common.admin.schemas import ActivateRequest, Changed, RollbackRequest, Serving
from services.common.errors import InvalidRequestError, ServiceError
from services.common.logging import get_logger
from services.common.models import PROMPT_COLUMNS, Prompt
from services.common.record import changes
from services.common.record.activation import Activation
from services.common.record.proposals import approve_proposal, reject_proposal
from services.common.record.stored_runs import StoredRun, load_runs_by_id
from services.common.schemas import TaskType
from services.manager.app.access.callers import AnyCaller, Caller, create_router

SELECT_PROMPT: Final = f"SELECT {PROMPT_COLUMNS} FROM prompts WHERE id = $1 AND task_type = $2"

router = create_router()
log = get_logger()


class UnknownPromptError(ServiceError):
    """This task type has no such prompt."""

    status_code = 404
    code = "unknown_prompt"


@router.post("/prompts/{task_type}/activate")
async def activate_prompt(
    task_type: TaskType, body: ActivateRequest, request: Request, caller: AnyCaller
) -> Changed:
    """Serve a text, or an earlier prompt's; where two people decide, propose it to another."""
    caller.require_task_type(task_type)
    if (body.prompt_id is None) == (body.content is None):
        raise InvalidRequestError("Give either prompt_id or content.")
    asked = changes.Request(caller.name, body.reason)
    async with caller.transaction() as connection:
        serving = await changes.load_seen(connection, task_type, **body.serving.model_dump())
        content, what = body.content or "", "a new text"
        if body.prompt_id is not None:
            prompt = await load_prompt(connection, body.prompt_id, task_type)
            content = changes.require_whole(prompt.content, serving)
            what = f"text of version {prompt.version}"
        changes.require_servable(content)
        if request.app.state.people.second_person:
            run_id = await changes.propose_text(connection, serving, content, asked, what)
            log.info("text_proposed", task_type=task_type, run_id=str(run_id))
            return Changed(waiting_run_id=run_id)
        return _tell(task_type, await changes.serve_text(connection, serving, content, asked, what))


@router.post("/prompts/{task_type}/rollback")
async def roll_back_prompt(
    task_type: TaskType, body: RollbackRequest, caller: AnyCaller
) -> Changed:
    """Serve again the text that served well before; one person alone may."""
    caller.require_task_type(task_type)
    asked = changes.Request(caller.name, body.reason)
    async with caller.transaction() as connection:
        serving = await changes.load_seen(connection, task_type, **body.serving.model_dump())
        return _tell(task_type, await changes.roll_back(connection, serving, asked))


@router.post("/runs/{run_id}/approve")
async def approve_run(run_id: UUID, request: Request, caller: AnyCaller) -> Changed:
    """Let a proposed text serve, if what it is to replace still serves."""
    needs_second = request.app.state.people.second_person
    async with caller.transaction() as connection:
        run = await _load_run(connection, run_id, caller)
        activation = await approve_proposal(
            connection, run_id, person=caller.name, needs_second=needs_second
        )
    return _tell(run.task_type, activation)


@router.post("/runs/{run_id}/reject", status_code=204)
async def reject_run(run_id: UUID, caller: AnyCaller) -> None:
    """Turn a proposed text down; it isn't tried again for a day."""
    async with caller.transaction() as connection:
        await _load_run(connection, run_id, caller)
        await reject_proposal(connection, run_id, person=caller.name)


@router.post("/runs/{run_id}/undo")
async def undo(run_id: UUID, body: Serving, caller: AnyCaller) -> Changed:
    """Serve again the text that a run replaced; one person alone may."""
    asked = changes.Request(caller.name)
    async with caller.transaction() as connection:
        run = await _load_run(connection, run_id, caller)
        activation = await changes.undo_run(connection, run, asked, **body.model_dump())
    return _tell(run.task_type, activation)


async def load_prompt(connection: asyncpg.Connection, prompt_id: int, task_type: str) -> Prompt:
    """Load a prompt of a task type.

    Raises:
        UnknownPromptError: If it has no such one.
    """
    is_possible = 0 < prompt_id < 2**31
    record = await connection.fetchrow(SELECT_PROMPT, prompt_id, task_type) if is_possible else None
    if record is None:
        raise UnknownPromptError(f"Task type {task_type!r} has no prompt with the id {prompt_id}.")
    return Prompt(**record)


async def _load_run(connection: asyncpg.Connection, run_id: UUID, caller: Caller) -> StoredRun:
    """Load a run that is the caller's to see."""
    runs = await load_runs_by_id(connection, run_id, run_id)
    if not runs:
        raise changes.UnknownRunError(run_id)
    caller.require_task_type(runs[0].task_type)
    return runs[0]


def _tell(task_type: str, activation: Activation) -> Changed:
    log.info("prompt_activated", task_type=task_type, version=activation.version)
    return Changed(version=activation.version, prompt_id=activation.prompt_id)
