"""The Worker's HTTP API."""

from typing import Annotated

from fastapi import APIRouter, Header, Request

from services.common.schemas import ErrorResponse, TaskRequest, TaskResponse
from services.worker.app.services.task_performer import TaskPerformer

router = APIRouter()


@router.post(
    "/api/v1/task",
    responses={
        403: {"model": ErrorResponse},
        404: {"model": ErrorResponse},
        502: {"model": ErrorResponse},
        503: {"model": ErrorResponse},
    },
)
async def perform_task(
    task: TaskRequest,
    request: Request,
    x_internal_token: Annotated[str | None, Header()] = None,
) -> TaskResponse:
    """Generate an answer under the prompt that is active now."""
    performer: TaskPerformer = request.app.state.task_performer
    return await performer.perform(task, x_internal_token)
