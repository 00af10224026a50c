"""Chooses the prompt of a request: the active one, or a candidate for whoever may ask for it."""

from dataclasses import replace

from pydantic import SecretStr

from services.common.database import Database
from services.common.internal_token import require_internal_token
from services.common.models import Prompt
from services.common.schemas import ChatTask, TaskRequest
from services.worker.app.services.prompt_loader import load_active_prompt, load_candidate


async def choose_prompt(
    database: Database,
    task: TaskRequest | ChatTask,
    token: str | None,
    internal_token: SecretStr | None,
) -> Prompt:
    """Read the prompt that serves a task now; with a candidate's text, where it names one.

    Raises:
        ForbiddenError: If it names a candidate and `token` isn't the internal one.
        ServiceError: If there is no prompt, or it can't be had.
    """
    prompt = await load_active_prompt(database, task.task_type)
    if task.candidate_id is None:
        return prompt
    require_internal_token(token, internal_token, field="candidate_id")
    content = await load_candidate(database, task.candidate_id, task.task_type)
    return replace(prompt, content=content)
