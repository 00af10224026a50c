"""The Worker's and the Evaluator's API, from the side of the services that call them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from uuid import UUID, uuid4

import aiohttp

from services.common.http import Answer, ServiceClient
from services.common.oversight.records import EvaluatorRecord, EvaluatorRecords
from services.common.resilience.breaker import Breaker
from services.common.resilience.ranks import LIVE_PURPOSE, name_purpose
from services.common.resilience.throttle import Throttle
from services.common.schemas import (
    ChatCompletion,
    ChatTask,
    EvaluationRequest,
    EvaluationResponse,
    TaskRequest,
    TaskResponse,
)
from services.common.settings.upstream import TokenSettings, UpstreamSettings


class _Sibling:
    """Asks a sibling, and shows it the caller's internal token."""

    def __init__(self, client: ServiceClient, token: str, throttle: Throttle | None) -> None:
        self._client = client
        self._token = token
        self._throttle = throttle or Throttle()

    async def _ask(
        self,
        path: str,
        request: TaskRequest | ChatTask | EvaluationRequest,
        answer_type: type[Answer],
        purpose: str,
    ) -> Answer:
        headers = self._headers(request.request_id, purpose)
        with self._throttle.asking() if purpose == LIVE_PURPOSE else nullcontext():
            return await self._client.post(path, request, answer_type, headers=headers)

    def _headers(self, request_id: UUID, purpose: str = LIVE_PURPOSE) -> dict[str, str]:
        headers = {"X-Request-ID": str(request_id), **name_purpose(purpose)}
        return headers | {"X-Internal-Token": self._token} if self._token else headers


class WorkerClient(_Sibling):
    """Asks the Worker for answers; `throttle` is told whether it refuses live requests."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: UpstreamSettings,
        throttle: Throttle | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        client = ServiceClient(
            session,
            upstream="worker",
            base_url=settings.worker_url,
            timeout_seconds=settings.worker_timeout_seconds,
            breaker=breaker,
        )
        super().__init__(client, read_token(settings), throttle)

    async def perform(self, task: TaskRequest) -> TaskResponse:
        """Have a task answered; one that names a candidate needs the internal token.

        Raises:
            UnknownTaskTypeError: If no prompt serves the task type.
            UpstreamError: If the Worker fails or gives no answer in time.
        """
        return await self._ask("/api/v1/task", task, TaskResponse, task.purpose)

    async def complete(self, task: ChatTask) -> ChatCompletion:
        """Have a conversation answered, whole.

        Raises:
            UnknownTaskTypeError: If no prompt serves the task type.
            UpstreamError: If the Worker fails or gives no answer in time.
        """
        return await self._ask("/api/v1/chat", task, ChatCompletion, task.purpose)

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
        headers = self._headers(request_id)
        async with AsyncExitStack() as stack:
            with self._throttle.asking():
                opening = self._client.open_stream("/api/v1/chat", task, headers)
                response = await stack.enter_async_context(opening)
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


class EvaluatorClient(_Sibling):
    """Asks the Evaluator for scores; `throttle` is told whether it refuses live requests.

    What isn't live, such as `scoring` or a `replay`, yields to what is.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: UpstreamSettings,
        throttle: Throttle | None = None,
        breaker: Breaker | None = None,
        purpose: str = LIVE_PURPOSE,
    ) -> None:
        self._purpose = purpose
        client = ServiceClient(
            session,
            upstream="evaluator",
            base_url=settings.evaluator_url,
            timeout_seconds=settings.evaluator_timeout_seconds,
            breaker=breaker,
        )
        super().__init__(client, read_token(settings), throttle)

    async def evaluate(self, request: EvaluationRequest) -> EvaluationResponse:
        """Have an answer scored; a request that names a golden input needs the internal token.

        Raises:
            UpstreamError: If the Evaluator gives no score: it fails, or gives none in time.
        """
        return await self._ask("/api/v1/evaluate", request, EvaluationResponse, self._purpose)

    async def exchange_records(self, records: list[EvaluatorRecord]) -> list[EvaluatorRecord]:
        """Give what all Evaluators are to know, and return what this one knows.

        Raises:
            UpstreamError: If the Evaluator fails or gives no answer in time.
        """
        given = EvaluatorRecords(records=records)
        answer = await self._client.post(
            "/api/v1/records", given, EvaluatorRecords, headers=self._headers(uuid4())
        )
        return answer.records


def read_token(settings: TokenSettings) -> str:
    """Return the token that the system's parts know one another by; empty where none is set."""
    return settings.internal_token.get_secret_value() if settings.internal_token else ""
