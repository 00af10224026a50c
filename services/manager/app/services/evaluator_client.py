"""The Manager's side of the Evaluator's API."""

from uuid import UUID

from services.common.http import ServiceClient
from services.common.schemas import EvaluationRequest, EvaluationResponse


class EvaluatorClient:
    """Asks the Evaluator for a score."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def evaluate(
        self,
        *,
        request_id: UUID,
        task_type: str,
        user_input: str,
        refined_input: str,
        worker_output: str,
    ) -> EvaluationResponse:
        """Have an answer scored.

        Raises:
            UpstreamError: If the Evaluator gives no score: it fails, or gives none in time.
        """
        body = EvaluationRequest(
            request_id=request_id,
            task_type=task_type,
            user_input=user_input,
            refined_input=refined_input,
            worker_output=worker_output,
        )
        return await self._client.post(
            "/api/v1/evaluate", body, EvaluationResponse, headers={"X-Request-ID": str(request_id)}
        )
