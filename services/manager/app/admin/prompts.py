"""The admin API's changes of what serves: a text, an earlier prompt's, or the one before."""

from typing import Final

import asyncpg
from fastapi import APIRouter, Depends, Request

from services.common.admin.schemas import (
    ADMIN_PREFIX,
    ActivateRequest,
    Changed,
    RollbackRequest,
)
from services.common.errors import InvalidRequestError, ServiceError
from services.common.logging import get_logger
from services.common.models import PROMPT_COLUMNS, Prompt
from services.common.record import changes
from services.common.record.activation import Activation
from services.common.schemas import FAILURES_WITH_A_BODY, TaskType, describe_failures
from services.manager.app.access.acting import open_transaction
from services.manager.app.access.callers import AnyCaller, forbid_caching

SELECT_PROMPT: Final = f"SELECT {PROMPT_COLUMNS} FROM prompts WHERE id = $1 AND task_type = $2"
FAILURES: Final = describe_failures(
    FAILURES_WITH_A_BODY,
    {
        404: "No prompt serves this task type, or there is no such prompt",
        409: "Another prompt serves by now, or no other can",
        503: "The database is away",
    },
)

router = APIRouter(prefix=ADMIN_PREFIX, dependencies=[Depends(forbid_caching)])
log = get_logger()


class UnknownPromptError(ServiceError):
    """This task type has no such prompt."""

    status_code = 404
    code = "unknown_prompt"


@router.post("/prompts/{task_type}/activate", responses=FAILURES)
async def activate_prompt(
    task_type: TaskType, body: ActivateRequest, request: Request, caller: AnyCaller
) -> Changed:
    """Serve a text, or an earlier prompt's; where two people decide, propose it to another."""
    caller.require_task_type(task_type)
    if (body.prompt_id is None) == (body.content is None):
        raise InvalidRequestError("Give either prompt_id or content.")
    asked = changes.Request(caller.person.name, body.reason)
    async with open_transaction(request.app.state.database, caller.person) as connection:
        serving = await changes.load_seen(connection, task_type, **body.serving.model_dump())
        content, what = body.content or "", "a new text"
        if body.prompt_id is not None:
            prompt = await load_prompt(connection, body.prompt_id, task_type)
            content, what = prompt.content, f"text of version {prompt.version}"
        changes.require_servable(content)
        if request.app.state.people.second_person:
            run_id = await changes.propose_text(connection, serving, content, asked, what)
            log.info("text_proposed", task_type=task_type, run_id=str(run_id))
            return Changed(waiting_run_id=run_id)
        return tell(task_type, await changes.serve_text(connection, serving, content, asked, what))


@router.post("/prompts/{task_type}/rollback", responses=FAILURES)
async def roll_back_prompt(
    task_type: TaskType, body: RollbackRequest, request: Request, caller: AnyCaller
) -> Changed:
    """Serve again the text that served well before; one person alone may."""
    caller.require_task_type(task_type)
    asked = changes.Request(caller.person.name, body.reason)
    async with open_transaction(request.app.state.database, caller.person) as connection:
        serving = await changes.load_seen(connection, task_type, **body.serving.model_dump())
        return tell(task_type, await changes.roll_back(connection, serving, asked))


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


def tell(task_type: str, activation: Activation) -> Changed:
    """Tell what serves now."""
    log.info("prompt_activated", task_type=task_type, version=activation.version)
    return Changed(version=activation.version, prompt_id=activation.prompt_id)
