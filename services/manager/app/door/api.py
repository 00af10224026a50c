"""The door's HTTP API, in OpenAI's shapes but for what became of a request."""

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from services.common.api_description import (
    CALLED_BEFORE,
    CHAT_EVENTS,
    FAILURES_OF_ANY_ROUTE,
    FAILURES_WITH_A_BODY,
    describe_failures,
)
from services.common.chat.errors import OpenAIError
from services.common.errors import UnknownTaskTypeError
from services.common.schemas import (
    CHAT_EXAMPLE,
)
from services.manager.app.access.authorisation import may_use, require_task_type
from services.manager.app.door.conversation_log import ConversationLog
from services.manager.app.door.errors import ModelNotFoundError, UnknownRequestError
from services.manager.app.door.schema import ChatBody
from services.manager.app.idempotency.calls import IdempotencyKey

CHAT_PATH = "/v1/chat/completions"
Evaluation = Literal["scored", "pending", "unscored", "not_chosen", "client_closed"]
router = APIRouter()


class Completion(BaseModel):
    """A chat completion: what the provider said, under an id of ours."""

    id: str
    object: str = "chat.completion"
    created: int = 0
    model: str
    choices: list[dict[str, Any]] = Field(
        examples=[
            [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "def sort_list(items): ..."},
                    "finish_reason": "stop",
                }
            ]
        ]
    )
    usage: dict[str, Any] | None = None


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
    texts_removed_by: str | None = Field(
        default=None, description="The setting by which its texts were removed; its figures stay"
    )


NOT_READ: Mapping[int, str] = {503: "The database can't be read"}
NO_SUCH_MODEL: Mapping[int, str] = {404: "No active prompt serves this task type"}


@router.get(
    "/v1/models", responses=describe_failures(FAILURES_OF_ANY_ROUTE, NOT_READ, model=OpenAIError)
)
async def list_models(request: Request) -> ModelList:
    """List the models: the task types that have an active prompt."""
    models = await _log_of(request).read_models()
    usable = [name for name in models if may_use(request.scope, name)]
    return ModelList(data=[Model(id=name, created=models[name]) for name in usable])


@router.get(
    "/v1/models/{model}",
    responses=describe_failures(
        FAILURES_OF_ANY_ROUTE,
        NOT_READ,
        NO_SUCH_MODEL,
        {422: "The request is not valid"},
        model=OpenAIError,
    ),
)
async def show_model(model: str, request: Request) -> Model:
    """Show one model."""
    require_task_type(request.scope, model)
    models = await _log_of(request).read_models()
    if model not in models:
        raise ModelNotFoundError(UnknownTaskTypeError(task_type=model, known=list(models)))
    return Model(id=model, created=models[model])


@router.get(
    "/api/v1/requests/{request_id}",
    responses=describe_failures(
        NOT_READ, {404: "No such request is in the log", 422: "The id is no UUID"}
    ),
)
async def show_request(request_id: UUID, request: Request) -> LoggedRequest:
    """Show what became of a request: its row, its score or that it is pending, its usage."""
    row = await _log_of(request).read_request(request_id)
    if row is None:
        raise UnknownRequestError(f"No request {request_id} is in the log.")
    require_task_type(request.scope, row["task_type"])
    return LoggedRequest.model_validate(row)


def _log_of(request: Request) -> ConversationLog:
    log: ConversationLog = request.app.state.conversation_log
    return log


CHAT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A chat completion; or, where `stream` is true, its chunks as events",
        "model": Completion,
        "content": {"text/event-stream": CHAT_EVENTS},
    },
    **describe_failures(
        FAILURES_OF_ANY_ROUTE,
        FAILURES_WITH_A_BODY,
        NO_SUCH_MODEL,
        CALLED_BEFORE,
        {
            429: "The model's provider refuses for now, or its quota is spent",
            502: "The model's provider or the Worker failed",
            503: "There is too much to do, or the answer can't be kept: the database is away",
            504: "The model's provider or the Worker gave no answer in time",
        },
        model=OpenAIError,
    ),
}


class ChatRoute(APIRoute):
    """Described as every route is, but served by the door, without what FastAPI does besides."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Any]]:
        """Return what gives the ASGI application that answers."""

        async def find_door(request: Request) -> Any:
            return request.app.state.door

        return find_door


async def complete_chat(
    body: Annotated[
        ChatBody,
        Body(
            openapi_examples={
                "whole": {"value": CHAT_EXAMPLE},
                "stream": {"value": CHAT_EXAMPLE | {"stream": True}},
            }
        ),
    ],
    idempotency_key: IdempotencyKey = None,
) -> None:
    """Answer a conversation under the prompt that serves the task type that `model` names.

    Takes and gives what OpenAI's chat completions do, streams included.
    """


router.add_api_route(
    CHAT_PATH,
    complete_chat,
    methods=["POST"],
    response_model=None,
    responses=CHAT_RESPONSES,
    route_class_override=ChatRoute,
)
