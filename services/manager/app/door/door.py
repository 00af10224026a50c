"""Serves chat completions: asks the Worker, keeps the row, and only then lets the answer end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from services.common.chat.errors import openai_error
from services.common.config import DoorSettings
from services.common.errors import (
    DatabaseUnavailableError,
    ServiceError,
    UnknownTaskTypeError,
    UnsupportedMediaTypeError,
    UpstreamError,
)
from services.common.evaluation_detail import ErrorDetail, EvaluationDetail
from services.common.logging import get_logger
from services.common.siblings import WorkerClient
from services.common.task_types.registry import TaskTypes
from services.manager.app.access.authorisation import require_task_type
from services.manager.app.door.client import Client, encode, write_event
from services.manager.app.door.conversation import make_conversation, make_execution
from services.manager.app.door.conversation_log import ConversationLog
from services.manager.app.door.errors import AnswerFailedError, ModelNotFoundError
from services.manager.app.door.exchange import Exchange
from services.manager.app.door.request import (
    ChatRequest,
    check_against_task_type,
    read_chat_request,
)
from services.manager.app.scoring.sampling import Mark

CLIENT_CLOSED = "client_closed"
# How long the end of the process waits for rows that are being written.
ROWS_SECONDS = 5
# An event is so much larger than the piece of text in it, and more.
BYTES_OF_EVENTS = 16
MAX_NAMED_FIELDS = 100
STOPPING = ServiceError("The service is being stopped: ask again in a moment.")
LAST_WORD_SECONDS = 1
UNEXPECTED = ServiceError("Something went wrong on our side; the log has the details.")

log = get_logger()


class Door:
    """Serves `POST /v1/chat/completions`, as an ASGI application.

    Args:
        choose_mark: Says whether and how an answer of a task type is scored.
        tell_marked: Told when an answer waits for its score.
    """

    def __init__(
        self,
        *,
        worker: WorkerClient,
        conversation_log: ConversationLog,
        task_types: TaskTypes,
        settings: DoorSettings,
        choose_mark: Callable[[str], Mark | None],
        tell_marked: Callable[[], None],
    ) -> None:
        self._worker = worker
        self._log = conversation_log
        self._task_types = task_types
        self._settings = settings
        self._choose_mark = choose_mark
        self._tell_marked = tell_marked
        self._named_fields: set[str] = set()
        self._open: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            ServiceError: If it can't be served, and the client was sent nothing yet.
        """
        content_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip()
        if content_type.lower() != "application/json":
            raise UnsupportedMediaTypeError
        content = await _read_body(receive)
        if content is None:
            return
        request = read_chat_request(content)
        require_task_type(scope, request.model)
        check_against_task_type(request, self._task_types.find(request.model))
        self._name_unknown_fields(request)
        client = Client(receive, send, is_stream=request.is_stream)
        self._open.add(client.task)
        try:
            await self._serve(scope["state"]["request_id"], request, client)
        except Exception as error:
            if not client.has_begun:
                raise
            # No status can tell it any more.
            log.error("unexpected_error", path=scope["path"], exc_info=error)
            await client.send_events(write_event(openai_error(UNEXPECTED)), is_last=True)
        finally:
            client.end_watch()
            self._open.discard(client.task)

    async def close(self) -> None:
        """Wait for the rows that are being written."""
        while self._open:
            _, late = await asyncio.wait(self._open, timeout=ROWS_SECONDS)
            if late:
                return

    async def _serve(self, request_id: UUID, request: ChatRequest, client: Client) -> None:
        max_bytes = self._settings.conversation_max_bytes * BYTES_OF_EVENTS
        exchange = Exchange(request_id, request, client, max_bytes=max_bytes)
        client.watch()
        try:
            failure = await self._ask_worker(exchange, request_id, request)
            await client.stop_watching()
        except asyncio.CancelledError:
            client.end_watch()
            exchange.answer.finish_reason = CLIENT_CLOSED
            await self._keep(exchange, request_id, request, is_marked=False)
            if not client.is_gone:
                if client.has_begun:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LAST_WORD_SECONDS):
                            await _tell_failure(STOPPING, client, exchange)
                raise  # the process ends
            client.task.uncancel()
            return
        lost = await self._keep(exchange, request_id, request, is_marked=failure is None)
        if failure := failure or lost:
            await _tell_failure(failure, client, exchange)
        else:
            await exchange.send_rest()

    async def _ask_worker(
        self, exchange: Exchange, request_id: UUID, request: ChatRequest
    ) -> ServiceError | None:
        """Have the answer come; returns what kept it from coming.

        Raises:
            ModelNotFoundError: If no prompt serves the task type; nothing is logged then.
        """
        task = b'{"request_id":"%b","task_type":%b,"request":%b,"variables":%b}' % (
            str(request_id).encode(),
            encode(request.model),
            request.content,
            encode(request.extension.variables),
        )
        try:
            async with self._worker.chat(task, request_id) as reply:
                exchange.read_headers(reply.headers)
                if request.is_stream:
                    await exchange.relay_stream(reply)
                else:
                    await exchange.take_whole(reply)
        except UnknownTaskTypeError as error:
            raise ModelNotFoundError(error) from error
        except UpstreamError as error:
            reason = ErrorDetail(service=error.upstream, code=error.upstream_code)
            exchange.answer.detail = EvaluationDetail(error=reason).as_json()
            exchange.answer.error_message = f"{error.code}: {error.message}"
            return AnswerFailedError(error)
        return None

    async def _keep(
        self, exchange: Exchange, request_id: UUID, request: ChatRequest, *, is_marked: bool
    ) -> ServiceError | None:
        """Write the row, come what may; returns what kept it from being written."""
        answer = exchange.finish()
        conversation, is_whole = make_conversation(request_id, request, answer, self._settings)
        mark = self._choose_mark(request.model) if is_marked and is_whole else None
        execution = make_execution(request_id, request, answer)
        writing = asyncio.create_task(self._log.write(execution, conversation, mark))
        self._open.add(writing)
        writing.add_done_callback(self._open.discard)
        try:
            await asyncio.shield(writing)
        except DatabaseUnavailableError as error:
            log.error("conversation_not_written", code=error.code, message=error.message)
            return error
        log.info(
            "chat_answered",
            task_type=request.model,
            prompt_version=answer.prompt_version,
            model=answer.model,
            finish_reason=answer.finish_reason,
            duration_ms=answer.duration_ms,
        )
        if mark:
            self._tell_marked()
        return None

    def _name_unknown_fields(self, request: ChatRequest) -> None:
        """Name each field that the door doesn't know once in the log."""
        news = request.unknown_fields - self._named_fields
        if news and len(self._named_fields) < MAX_NAMED_FIELDS:
            self._named_fields |= news
            log.info("unknown_fields_passed_on", fields=[name[:64] for name in sorted(news)[:10]])


async def _tell_failure(failure: ServiceError, client: Client, exchange: Exchange) -> None:
    if client.has_begun:
        log.warning("stream_failed", code=failure.code, message=failure.message)
        await client.send_events(write_event(openai_error(failure)), is_last=True)
        return
    failure.headers = {**exchange.headers, **failure.headers}
    raise failure


async def _read_body(receive: Receive) -> bytes | None:
    """Read a body; None where the client goes away meanwhile."""
    pieces = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)
