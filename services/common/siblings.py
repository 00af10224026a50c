"""The Worker's and the Evaluator's API, from the side of the services that call them."""

import aiohttp

from services.common.http import ServiceClient
from services.common.schemas import (
    EvaluationRequest,
    EvaluationResponse,
    TaskRequest,
    TaskResponse,
)


class WorkerClient:
    """Asks the Worker for answers.

    Args:
        session: Shared client session.
        base_url: Where the Worker listens, without a path.
        timeout_seconds: Deadline of a whole call.
    """

    def __init__(
        self, session: aiohttp.ClientSession, *, base_url: str, timeout_seconds: float
    ) -> None:
        self._client = ServiceClient(
            session, upstream="worker", base_url=base_url, timeout_seconds=timeout_seconds
        )

    async def perform(self, task: TaskRequest, *, internal_token: str = "") -> TaskResponse:
        """Have a task answered; one that names a candidate needs the internal token.

        Raises:
            UnknownTaskTypeError: If no prompt serves the task type.
            UpstreamError: If the Worker fails or gives no answer in time.
        """
        headers = {"X-Request-ID": str(task.request_id)}
        if internal_token:
            headers["X-Internal-Token"] = internal_token
        return await self._client.post("/api/v1/task", task, TaskResponse, headers=headers)


class EvaluatorClient:
    """Asks the Evaluator for scores.

    Args:
        session: Shared client session.
        base_url: Where the Evaluator listens, without a path.
        timeout_seconds: Deadline of a whole call.
    """

    def __init__(
        self, session: aiohttp.ClientSession, *, base_url: str, timeout_seconds: float
    ) -> None:
        self._client = ServiceClient(
            session, upstream="evaluator", base_url=base_url, timeout_seconds=timeout_seconds
        )

    async def evaluate(self, request: EvaluationRequest) -> EvaluationResponse:
        """Have an answer scored.

        Raises:
            UpstreamError: If the Evaluator gives no score: it fails, or gives none in time.
        """
        headers = {"X-Request-ID": str(request.request_id)}
        return await self._client.post(
            "/api/v1/evaluate", request, EvaluationResponse, headers=headers
        )
