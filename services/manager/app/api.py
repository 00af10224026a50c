"""The Manager's HTTP API: the one that users call."""

from fastapi import APIRouter, Request, Response

from services.common.schemas import (
    FAILURES_WITH_A_BODY,
    AgentRequest,
    AgentResponse,
    describe_failures,
)
from services.common.siblings import FALLBACK_HEADER
from services.manager.app.access.authorisation import require_task_type
from services.manager.app.services.orchestrator import Orchestrator

router = APIRouter()


@router.post(
    "/api/v1/request",
    response_model_exclude_none=True,
    responses=describe_failures(
        FAILURES_WITH_A_BODY,
        {
            404: "No prompt serves this task type",
            502: "Worker or Evaluator failed; the request is logged",
            503: "The request could not be logged",
            504: "Worker or Evaluator gave no answer in time; the request is logged",
        },
    ),
)
async def serve_request(body: AgentRequest, request: Request, response: Response) -> AgentResponse:
    """Answer a request with code, and say how good the answer is."""
    require_task_type(request.scope, body.task_type)
    orchestrator: Orchestrator = request.app.state.orchestrator
    answer = await orchestrator.serve(request.state.request_id, body)
    if answer.fallback:
        response.headers[FALLBACK_HEADER] = answer.fallback
    return answer
