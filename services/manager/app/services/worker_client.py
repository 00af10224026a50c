"""The Manager's side of the Worker's API."""

from uuid import UUID

from services.common.http import ServiceClient
from services.common.schemas import TaskRequest, TaskResponse


class WorkerClient:
    """Asks the Worker for an answer."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def perform_task(
        self, *, request_id: UUID, task_type: str, refined_input: str
    ) -> TaskResponse:
        """Have the input answered under the active prompt.

        Raises:
            UnknownTaskTypeError: If no prompt serves the task type.
            UpstreamError: If the Worker fails or gives no answer in time.
        """
        body = TaskRequest(request_id=request_id, task_type=task_type, refined_input=refined_input)
        return await self._client.post(
            "/api/v1/task", body, TaskResponse, headers={"X-Request-ID": str(request_id)}
        )
