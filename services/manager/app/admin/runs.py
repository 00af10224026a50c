"""The admin API's answers to what the Optimizer, or another person, proposed and did."""

from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Request, Response

from services.common.admin.schemas import ADMIN_PREFIX, Changed, Serving
from services.common.record.changes import Request as ChangeRequest
from services.common.record.changes import UnknownRunError, undo_run
from services.common.record.proposals import approve_proposal, reject_proposal
from services.common.record.stored_runs import StoredRun, load_runs_by_id
from services.common.schemas import FAILURES_WITH_A_BODY, describe_failures
from services.manager.app.access.acting import open_transaction
from services.manager.app.access.callers import AnyCaller, Caller, forbid_caching
from services.manager.app.admin.prompts import tell

FAILURES = describe_failures(
    FAILURES_WITH_A_BODY,
    {
        403: "It isn't the caller's to do, or takes another person",
        404: "There is no such run",
        409: "It was answered, or another prompt serves by now",
        503: "The database is away",
    },
)

router = APIRouter(prefix=ADMIN_PREFIX, dependencies=[Depends(forbid_caching)])


@router.post("/runs/{run_id}/approve", responses=FAILURES)
async def approve_run(run_id: UUID, request: Request, caller: AnyCaller) -> Changed:
    """Let a proposed text serve, if what it is to replace still serves."""
    needs_second = request.app.state.people.second_person
    async with open_transaction(request.app.state.database, caller.person) as connection:
        run = await _load(connection, run_id, caller)
        activation = await approve_proposal(
            connection, run_id, person=caller.person.name, needs_second=needs_second
        )
    return tell(run.task_type, activation)


@router.post("/runs/{run_id}/reject", status_code=204, responses=FAILURES)
async def reject_run(run_id: UUID, request: Request, caller: AnyCaller) -> Response:
    """Turn a proposed text down; it isn't tried again for a day."""
    async with open_transaction(request.app.state.database, caller.person) as connection:
        await _load(connection, run_id, caller)
        await reject_proposal(connection, run_id, person=caller.person.name)
    return Response(status_code=204)


@router.post("/runs/{run_id}/undo", responses=FAILURES)
async def undo(run_id: UUID, body: Serving, request: Request, caller: AnyCaller) -> Changed:
    """Serve again the text that a run replaced; one person alone may."""
    asked = ChangeRequest(caller.person.name)
    async with open_transaction(request.app.state.database, caller.person) as connection:
        run = await _load(connection, run_id, caller)
        activation = await undo_run(connection, run, asked, **body.model_dump())
    return tell(run.task_type, activation)


async def _load(connection: asyncpg.Connection, run_id: UUID, caller: Caller) -> StoredRun:
    """Load a run that is the caller's to see.

    Raises:
        UnknownRunError: If there is none.
        ForbiddenError: If its task type isn't theirs.
    """
    runs = await load_runs_by_id(connection, run_id, run_id)
    if not runs:
        raise UnknownRunError(run_id)
    [run] = runs
    caller.require_task_type(run.task_type)
    return run
