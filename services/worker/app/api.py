"""The Worker's HTTP API."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from services.common.schemas import ChatTask, ErrorResponse, TaskRequest, TaskResponse
from services.worker.app.client_bound import ClientBoundAnswer
from services.worker.app.services.chat_performer import ChatPerformer
from services.worker.app.services.task_performer import TaskPerformer

CHAT_PATH = "/api/v1/chat"
FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorResponse} for status in (403, 404, 502, 503, 504)
}

router = APIRouter()


@router.post("/api/v1/task", responses=FAILURES)
async def perform_task(
    task: TaskRequest,
    request: Request,
    x_internal_token: Annotated[str | None, Header()] = None,
) -> TaskResponse:
    """Generate an answer under the prompt that is active now."""
    performer: TaskPerformer = request.app.state.task_performer
    return await performer.perform(task, x_internal_token)


@router.post(CHAT_PATH, responses={400: {"model": ErrorResponse}, **FAILURES})
async def answer_conversation(
    task: ChatTask,
    request: Request,
    x_internal_token: Annotated[str | None, Header()] = None,
) -> Response:
    """Answer a conversation in OpenAI's shape under the prompt that is active now."""
    performer: ChatPerformer = request.app.state.chat_performer
    return ClientBoundAnswer(performer.perform(task, x_internal_token))
