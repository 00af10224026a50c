"""The admin API's jobs: what people ask of an Optimizer, and what became of it."""

from dataclasses import asdict
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from services.common.admin.schemas import ADMIN_PREFIX, DraftRequest, Job
from services.common.errors import ServiceError
from services.common.record.changes import load_serving
from services.common.record.jobs import DRAFT, MESSAGE, StoredJob, add_job, load_job
from services.common.schemas import FAILURES_WITH_A_BODY, TaskType, describe_failures
from services.manager.app.access.acting import open_transaction
from services.manager.app.access.callers import AnyCaller, forbid_caching
from services.manager.app.admin.trials import trials_of

FAILURES = describe_failures(
    FAILURES_WITH_A_BODY,
    {
        404: "There is no such task type or job",
        409: "Enough wait for an Optimizer already",
        503: "The database is away",
    },
)

router = APIRouter(prefix=ADMIN_PREFIX, dependencies=[Depends(forbid_caching)])


class UnknownJobError(ServiceError):
    """Nobody asked for a job with this id."""

    status_code = 404
    code = "unknown_job"


@router.post("/prompts/{task_type}/draft", status_code=202, responses=FAILURES)
async def send_draft(
    task_type: TaskType, body: DraftRequest, request: Request, caller: AnyCaller
) -> Job:
    """Have an Optimizer prove a text against what serves; proven, it waits for an approval."""
    caller.require_task_type(task_type)
    async with open_transaction(request.app.state.database, caller.person) as connection:
        serving = await load_serving(connection, task_type)
        trials_of(request).require_runnable(serving, body.content)
        job = await add_job(
            connection,
            DRAFT,
            requested_by=caller.person.name,
            task_type=task_type,
            content=body.content,
            reason=body.reason,
        )
    return _show(job)


@router.post("/message", status_code=202, responses=FAILURES)
async def send_message(request: Request, caller: AnyCaller) -> Job:
    """Have an Optimizer send a test message to the webhook."""
    caller.require_all_task_types()
    async with open_transaction(request.app.state.database, caller.person) as connection:
        return _show(await add_job(connection, MESSAGE, requested_by=caller.person.name))


@router.get("/jobs/{job_id}", responses=FAILURES)
async def show_job(job_id: UUID, request: Request, caller: AnyCaller) -> Job:
    """Show what became of a job."""
    async with request.app.state.database.connection() as connection:
        job = await load_job(connection, job_id)
    if job is None:
        raise UnknownJobError(f"There is no job {job_id}.")
    if job.task_type is not None:
        caller.require_task_type(job.task_type)
    return _show(job)


def _show(job: StoredJob) -> Job:
    return Job(**asdict(job))
