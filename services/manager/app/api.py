"""The Manager's HTTP API: the one that users call."""

from functools import partial

from fastapi import APIRouter, Request, Response

from services.common.api_description import (
    CALLED_BEFORE,
    FAILURES_WITH_A_BODY,
    describe_failures,
)
from services.common.resilience.hang_ups import while_connected
from services.common.schemas import (
    AgentRequest,
    AgentResponse,
)
from services.manager.app.access.authorisation import require_task_type
from services.manager.app.idempotency.calls import IdempotencyKey, IdempotentCalls, KeptAnswer
from services.manager.app.services.orchestrator import Orchestrator, to_the_end

REQUEST_PATH = "/api/v1/request"

router = APIRouter()


@router.post(
    REQUEST_PATH,
    response_model=AgentResponse,
    response_model_exclude_none=True,
    responses=describe_failures(
        FAILURES_WITH_A_BODY,
        CALLED_BEFORE,
        {
            404: "No prompt serves this task type",
            502: "Worker or Evaluator failed; the request is logged",
            503: "There is too much to do, or the request could not be logged",
            504: "Worker or Evaluator gave no answer in time; the request is logged",
        },
    ),
)
async def serve_request(
    body: AgentRequest,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001 - read with the request's other headers
) -> AgentResponse | Response:
    """Answer a request with code, and say how good the answer is."""
    require_task_type(request.scope, body.task_type)
    orchestrator: Orchestrator = request.app.state.orchestrator
    calls: IdempotentCalls = request.app.state.idempotent_calls
    async with calls.enter(request.scope, body.task_type, await request.body()) as call:
        if isinstance(call, KeptAnswer):
            return call.as_response()
        # Who may try again wants the answer then: what is done for a call with a key goes on.
        bound = to_the_end if call else partial(while_connected, request.receive)
        answer = await orchestrator.serve(request.state.request_id, body, call, bound)
    response.headers.update(answer.headers)
    return answer
