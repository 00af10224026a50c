"""The Worker's HTTP API."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from services.common.api_description import (
    CHAT_EVENTS,
    FAILURES_WITH_A_BODY,
    describe_failures,
)
from services.common.resilience.bounded_calls import BoundedCalls
from services.common.resilience.hang_ups import while_connected
from services.common.schemas import (
    ChatCompletion,
    ChatTask,
    TaskRequest,
    TaskResponse,
)
from services.worker.app.client_bound import ClientBoundAnswer
from services.worker.app.services.chat_performer import ChatPerformer
from services.worker.app.services.task_performer import TaskPerformer

TASK_PATH = "/api/v1/task"
CHAT_PATH = "/api/v1/chat"
FAILURES = describe_failures(
    FAILURES_WITH_A_BODY,
    {
        404: "No prompt serves this task type, or there is no such candidate",
        502: "The model's provider failed",
        503: "There is too much to do, the provider refuses for now, or no prompt can be read",
        504: "The provider gave no answer in time",
    },
)

router = APIRouter()


@router.post(TASK_PATH, response_model_exclude_none=True, responses=FAILURES)
async def perform_task(
    task: TaskRequest,
    request: Request,
    x_internal_token: Annotated[str | None, Header()] = None,
) -> TaskResponse:
    """Generate an answer under the prompt that is active now."""
    performer: TaskPerformer = request.app.state.task_performer
    request.app.state.purposes.count(task.purpose)
    calls: BoundedCalls = request.app.state.calls
    work = calls.hold_for(performer.perform(task, x_internal_token))
    return await while_connected(request.receive, work)


@router.post(
    CHAT_PATH,
    responses={
        200: {
            "description": "A chat completion, or a stream of its chunks, as the request asks",
            "model": ChatCompletion,
            "content": {"text/event-stream": CHAT_EVENTS},
        },
        **FAILURES,
    },
)
async def answer_conversation(
    task: ChatTask,
    request: Request,
    x_internal_token: Annotated[str | None, Header()] = None,
) -> Response:
    """Answer a conversation in OpenAI's shape under the prompt that is active now."""
    performer: ChatPerformer = request.app.state.chat_performer
    request.app.state.purposes.count(task.purpose)
    calls: BoundedCalls = request.app.state.calls
    return ClientBoundAnswer(performer.perform(task, x_internal_token), calls.hold())
