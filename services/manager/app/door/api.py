"""The door's HTTP API, in OpenAI's shapes but for what became of a request."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel

from services.common.chat.errors import OpenAIError
from services.common.errors import UnknownTaskTypeError
from services.common.schemas import ErrorResponse
from services.manager.app.access.authorisation import may_use, require_task_type
from services.manager.app.door.conversation_log import ConversationLog
from services.manager.app.door.errors import ModelNotFoundError, UnknownRequestError
from services.manager.app.door.schema import ChatBody

CHAT_PATH = "/v1/chat/completions"
Evaluation = Literal["scored", "pending", "unscored", "not_chosen", "client_closed"]
router = APIRouter()


class Model(BaseModel):
    """A task type that has an active prompt."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "selfheal"


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[Model]


class LoggedRequest(BaseModel):
    """The row of a request; `evaluation` says what became of its score.

    `conversation` is None where the request didn't come through the door.
    """

    request_id: UUID
    task_type: str
    created_at: datetime
    user_input: str
    refined_input: str | None
    prompt_version: int | None
    worker_output: str | None
    worker_latency_ms: int | None
    evaluation: Evaluation
    evaluation_score: float | None
    evaluation_passed: bool | None
    evaluation_detail: dict[str, Any] | None
    error_message: str | None
    conversation: dict[str, Any] | None


def _log_of(request: Request) -> ConversationLog:
    log: ConversationLog = request.app.state.conversation_log
    return log


def _failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": OpenAIError} for status in statuses}


@router.get("/v1/models", responses=_failures(401, 403, 503))
async def list_models(request: Request) -> ModelList:
    """List the models: the task types that have an active prompt."""
    models = await _log_of(request).read_models()
    usable = [name for name in models if may_use(request.scope, name)]
    return ModelList(data=[Model(id=name, created=models[name]) for name in usable])


@router.get("/v1/models/{model}", responses=_failures(401, 403, 404, 503))
async def show_model(model: str, request: Request) -> Model:
    """Show one model."""
    require_task_type(request.scope, model)
    models = await _log_of(request).read_models()
    if model not in models:
        raise ModelNotFoundError(UnknownTaskTypeError(task_type=model, known=list(models)))
    return Model(id=model, created=models[model])


@router.get(
    "/api/v1/requests/{request_id}",
    responses={status: {"model": ErrorResponse} for status in (404, 422, 503)},
)
async def show_request(request_id: UUID, request: Request) -> LoggedRequest:
    """Show what became of a request: its row, its score or that it is pending, its usage."""
    row = await _log_of(request).read_request(request_id)
    if row is None:
        raise UnknownRequestError(f"No request {request_id} is in the log.")
    require_task_type(request.scope, row["task_type"])
    return LoggedRequest.model_validate(row)


class ChatRoute(APIRoute):
    """Described as every route is, but served by the door, without what FastAPI does besides."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Any]]:
        """Return what gives the ASGI application that answers."""

        async def find_door(request: Request) -> Any:
            return request.app.state.door

        return find_door


async def complete_chat(body: ChatBody) -> None:
    """Answer a conversation under the prompt that serves the task type that `model` names.

    Takes and gives what OpenAI's chat completions do, streams included.
    """


router.add_api_route(
    CHAT_PATH,
    complete_chat,
    methods=["POST"],
    response_model=None,
    responses={
        200: {
            "description": "A chat completion, or the chunks of one",
            "content": {"application/json": {}, "text/event-stream": {}},
        },
        **_failures(400, 401, 403, 404, 413, 415, 429, 500, 502, 503, 504),
    },
    route_class_override=ChatRoute,
)
