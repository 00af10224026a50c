"""The Worker's and the Evaluator's API, from the side of the services that call them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import aiohttp

from services.common.http import ServiceClient
from services.common.oversight.records import EvaluatorRecord, EvaluatorRecords
from services.common.schemas import (
    ChatCompletion,
    ChatTask,
    EvaluationRequest,
    EvaluationResponse,
    TaskRequest,
    TaskResponse,
)
from services.common.settings.upstream import TokenSettings, UpstreamSettings


class WorkerClient:
    """Asks the Worker for answers."""

    def __init__(self, session: aiohttp.ClientSession, settings: UpstreamSettings) -> None:
        self._own_token = read_token(settings)
        self._client = ServiceClient(
            session,
            upstream="worker",
            base_url=settings.worker_url,
            timeout_seconds=settings.worker_timeout_seconds,
        )

    async def perform(self, task: TaskRequest, *, internal_token: str = "") -> TaskResponse:
        """Have a task answered; one that names a candidate needs the internal token.

        Raises:
            UnknownTaskTypeError: If no prompt serves the task type.
            UpstreamError: If the Worker fails or gives no answer in time.
        """
        headers = _headers(task.request_id, internal_token or self._own_token)
        return await self._client.post("/api/v1/task", task, TaskResponse, headers=headers)

    async def complete(self, task: ChatTask, *, internal_token: str) -> ChatCompletion:
        """Have a conversation answered, whole.

        Raises:
            UnknownTaskTypeError: If no prompt serves the task type.
            UpstreamError: If the Worker fails or gives no answer in time.
        """
        headers = _headers(task.request_id, internal_token or self._own_token)
        return await self._client.post("/api/v1/chat", task, ChatCompletion, headers=headers)

    @asynccontextmanager
    async def chat(self, task: bytes, request_id: UUID) -> AsyncIterator["ChatReply"]:
        """Have a conversation answered; leaving early cancels the provider's call.

        Args:
            task: A `ChatTask` as JSON.
            request_id: The id that is in it.

        Raises:
            UnknownTaskTypeError: If no prompt serves the task type.
            UpstreamError: If the Worker fails or gives no answer in time.
        """
        headers = _headers(request_id, self._own_token)
        async with self._client.open_stream("/api/v1/chat", task, headers) as response:
            yield ChatReply(self._client, response)


class ChatReply:
    """The Worker's answer at the door, while it comes.

    Reading raises UpstreamError if the Worker fails or gives nothing in time.
    """

    def __init__(self, client: ServiceClient, response: aiohttp.ClientResponse) -> None:
        self._client = client
        self._response = response
        self.headers = response.headers

    async def read(self) -> bytes:
        """Read the whole answer."""
        async with self._client.limited():
            return await self._response.read()

    async def read_events(self) -> AsyncIterator[list[bytes]]:
        """Yield what the events of a stream hold: as many at a time as have come."""
        rest = b""
        with self._client.translating_errors():
            async for piece in self._response.content.iter_any():
                *events, rest = (rest + piece).split(b"\n\n")
                if events:
                    yield [event.removeprefix(b"data: ") for event in events]


class EvaluatorClient:
    """Asks the Evaluator for scores."""

    def __init__(self, session: aiohttp.ClientSession, settings: UpstreamSettings) -> None:
        self._own_token = read_token(settings)
        self._client = ServiceClient(
            session,
            upstream="evaluator",
            base_url=settings.evaluator_url,
            timeout_seconds=settings.evaluator_timeout_seconds,
        )

    async def evaluate(
        self, request: EvaluationRequest, *, internal_token: str = ""
    ) -> EvaluationResponse:
        """Have an answer scored; a request that names a golden input needs the internal token.

        Raises:
            UpstreamError: If the Evaluator gives no score: it fails, or gives none in time.
        """
        headers = _headers(request.request_id, internal_token or self._own_token)
        return await self._client.post(
            "/api/v1/evaluate", request, EvaluationResponse, headers=headers
        )

    async def exchange_records(self, records: list[EvaluatorRecord]) -> list[EvaluatorRecord]:
        """Give what all Evaluators are to know, and return what this one knows.

        Raises:
            UpstreamError: If the Evaluator fails or gives no answer in time.
        """
        headers = _headers(uuid4(), self._own_token)
        given = EvaluatorRecords(records=records)
        answer = await self._client.post(
            "/api/v1/records", given, EvaluatorRecords, headers=headers
        )
        return answer.records


def read_token(settings: TokenSettings) -> str:
    """Return the token that the system's parts know one another by; empty where none is set."""
    return settings.internal_token.get_secret_value() if settings.internal_token else ""


def _headers(request_id: UUID, internal_token: str) -> dict[str, str]:
    headers = {"X-Request-ID": str(request_id)}
    return headers | {"X-Internal-Token": internal_token} if internal_token else headers
