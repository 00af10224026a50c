"""The admin API's jobs: what people ask of an Optimizer, and what became of it."""

from uuid import UUID

from fastapi import Request

from services.common.admin.schemas import DraftRequest, Job
from services.common.errors import ServiceError
from services.common.record.changes import load_serving
from services.common.record.jobs import DRAFT, MESSAGE, add_job, load_job
from services.common.schemas import TaskType
from services.manager.app.access.callers import AnyCaller, create_router
from services.manager.app.admin.trials import trials_of

router = create_router()


class UnknownJobError(ServiceError):
    """Nobody asked for a job with this id."""

    status_code = 404
    code = "unknown_job"


@router.post("/prompts/{task_type}/draft", status_code=202)
async def send_draft(
    task_type: TaskType, body: DraftRequest, request: Request, caller: AnyCaller
) -> Job:
    """Have an Optimizer prove a text against what serves; proven, it waits for an approval."""
    caller.require_task_type(task_type)
    async with caller.transaction() as connection:
        serving = await load_serving(connection, task_type)
        trials_of(request).require_runnable(serving, body.content)
        job = await add_job(
            connection, DRAFT, requested_by=caller.name, task_type=task_type, **body.model_dump()
        )
    return Job.model_validate(job, from_attributes=True)


@router.post("/message", status_code=202)
async def send_message(caller: AnyCaller) -> Job:
    """Have an Optimizer send a test message to the webhook."""
    caller.require_all_task_types()
    async with caller.transaction() as connection:
        job = await add_job(connection, MESSAGE, requested_by=caller.name)
    return Job.model_validate(job, from_attributes=True)


@router.get("/jobs/{job_id}")
async def show_job(job_id: UUID, caller: AnyCaller) -> Job:
    """Show what became of a job."""
    async with caller.database.connection() as connection:
        job = await load_job(connection, job_id)
    if job is None:
        raise UnknownJobError(f"There is no job {job_id}.")
    if job.task_type is not None:
        caller.require_task_type(job.task_type)
    return Job.model_validate(job, from_attributes=True)
