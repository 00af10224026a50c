"""Serves chat completions: asks the Worker, keeps the row, and only then lets the answer end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from services.common.chat.errors import openai_error
from services.common.costs.bill import Bill
from services.common.costs.prices import Prices
from services.common.errors import (
    ClientGoneError,
    DatabaseUnavailableError,
    OverloadedError,
    ServiceError,
    UnknownTaskTypeError,
    UnsupportedMediaTypeError,
    UpstreamError,
)
from services.common.evaluation_detail import ErrorDetail, EvaluationDetail
from services.common.logging import get_logger
from services.common.settings.door import DoorSettings
from services.common.siblings import WorkerClient
from services.common.task_types.registry import TaskTypes
from services.common.tracing.evaluation import invoking_agent
from services.manager.app.access.authorisation import require_task_type
from services.manager.app.door.client import Client, encode, write_event
from services.manager.app.door.conversation import (
    charge_answer,
    make_conversation,
    make_execution,
    name_unit,
)
from services.manager.app.door.conversation_log import CLIENT_CLOSED, ConversationLog
from services.manager.app.door.errors import (
    REFUSED_REQUEST,
    AnswerFailedError,
    InvalidChatRequestError,
    ModelNotFoundError,
)
from services.manager.app.door.exchange import Exchange
from services.manager.app.door.request import (
    ChatRequest,
    check_against_task_type,
    read_chat_request,
)
from services.manager.app.idempotency.calls import IdempotentCalls, KeptAnswer
from services.manager.app.idempotency.errors import CallInProgressError
from services.manager.app.log.rows import Row
from services.manager.app.log.writer import RowWriter
from services.manager.app.scoring.sampling import Mark

# How long the end of the process waits for rows that are being written.
ROWS_SECONDS = 5
MAX_NAMED_FIELDS = 100
STOPPING = ServiceError("The service is being stopped: ask again in a moment.")
LAST_WORD_SECONDS = 1
UNEXPECTED = ServiceError("Something went wrong on our side; the log has the details.")

log = get_logger()


@dataclass(kw_only=True, slots=True)
class Door:
    """Serves `POST /v1/chat/completions`, as an ASGI application.

    Attributes:
        choose_mark: Says whether and how an answer of a task type is scored; in a rollout each is.
        tell_marked: Told when an answer waits for its score.
    """

    worker: WorkerClient
    conversation_log: ConversationLog
    rows: RowWriter
    calls: IdempotentCalls
    task_types: TaskTypes
    settings: DoorSettings
    prices: Prices
    choose_mark: Callable[[str, bool], Mark | None]
    tell_marked: Callable[[], None]
    _named_fields: set[str] = field(default_factory=set)
    _open: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Warn where names of end users are as good as plain."""
        if self.settings.end_user == "hashed" and not self.settings.end_user_key:
            log.warning("end_user_key_missing", message="Whoever sees the hash of an end user's "
                        "name can try names. Set END_USER_KEY (docs/erasure.md).")  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            ServiceError: If it can't be served, and the client was sent nothing yet.
        """
        content_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip()
        if content_type.lower() != "application/json":
            raise UnsupportedMediaTypeError
        try:
            content = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        request = read_chat_request(content)
        require_task_type(scope, request.model)
        await self._check(request)
        self._name_unknown_fields(request)
        self._hold(asyncio.current_task())
        client = Client(receive, send, is_stream=request.is_stream)
        async with self.calls.enter(scope, request.model, content) as call:
            if isinstance(call, KeptAnswer):
                await call.as_response()(scope, receive, send)
                return
            try:
                await self._serve(Exchange(scope["state"]["request_id"], request, client, call))
            except Exception as error:
                if not client.has_begun:
                    raise
                # No status can tell it any more.
                log.error("unexpected_error", path=scope["path"], exc_info=error)
                await client.send_events(write_event(openai_error(UNEXPECTED)), is_last=True)

    async def close(self) -> None:
        """Wait for the rows that are being written."""
        while self._open:
            _, late = await asyncio.wait(self._open, timeout=ROWS_SECONDS)
            if late:
                return

    async def _check(self, request: ChatRequest) -> None:
        """Refuse what the task type doesn't take, if there is such a task type.

        Raises:
            ModelNotFoundError: If there is none.
            InvalidChatRequestError: As `check_against_task_type` does.
        """
        try:
            check_against_task_type(request, self.task_types.find(request.model))
        except InvalidChatRequestError:
            models = await self.conversation_log.read_models()
            if request.model not in models:
                unknown = UnknownTaskTypeError(task_type=request.model, known=list(models))
                raise ModelNotFoundError(unknown) from None
            raise

    async def _serve(self, exchange: Exchange) -> None:
        asking = asyncio.create_task(self._ask_worker(exchange))
        watching = asyncio.create_task(exchange.client.watch())
        try:
            await asyncio.wait((asking, watching), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:  # the process ends
            await self._cut_off(asking, exchange)
            if exchange.client.has_begun:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LAST_WORD_SECONDS):
                        await _tell_failure(STOPPING, exchange.client)
            raise
        finally:
            watching.cancel()
        if not asking.done():  # the client is gone
            await self._cut_off(asking, exchange)
            return
        failure = asking.result()
        # What is its client's fault isn't kept, and neither is what there was no room for. While a
        # text is rolled out the former is, on either arm, and counts for that comparison alone.
        is_unkept = failure is not None and failure.code == OverloadedError.code
        if failure is not None and failure.code == REFUSED_REQUEST:
            exchange.answer.error_message = None
            is_unkept = exchange.answer.assignment is None
        lost = None if is_unkept else await self._keep(exchange, is_marked=failure is None)
        if failure := failure or lost:
            await _tell_failure(failure, exchange.client)
        else:
            await exchange.send_rest()

    async def _cut_off(self, asking: asyncio.Task[Any], exchange: Exchange) -> None:
        """End the Worker's call, and keep what has come: it counts for nothing."""
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        exchange.answer.finish_reason = CLIENT_CLOSED
        exchange.answer.failure = ClientGoneError()
        await self._keep(exchange, is_marked=False)

    async def _ask_worker(self, exchange: Exchange) -> ServiceError | None:
        """Have the answer come; returns what kept it from coming.

        Raises:
            ModelNotFoundError: If no prompt serves the task type; nothing is logged then.
        """
        request = exchange.request
        session_id = request.extension.session_id
        task = b'{"request_id":"%b","task_type":%b,"request":%b,"variables":%b,"unit":%b,' % (
            str(exchange.request_id).encode(),
            encode(request.model),
            request.content,
            encode(request.extension.variables),
            encode(name_unit(request, self.settings.end_user_key) or None),
        ) + b'"session_id":%b}' % encode(session_id)
        try:
            with invoking_agent(request.model, session_id) as agent:
                exchange.trace_parent = agent.trace_parent
                async with self.worker.chat(task, exchange.request_id) as reply:
                    exchange.read_headers(reply.headers)
                    agent.tell_prompt(exchange.answer.prompt_version)
                    if request.is_stream:
                        await exchange.relay_stream(reply)
                    else:
                        await exchange.take_whole(reply)
        except UnknownTaskTypeError as error:
            raise ModelNotFoundError(error) from error
        except UpstreamError as error:
            exchange.read_assignment(error.told)
            exchange.answer.failure = error
            reason = ErrorDetail(service=error.upstream, code=error.upstream_code)
            exchange.answer.detail = EvaluationDetail(error=reason).as_json()
            exchange.answer.error_message = f"{error.code}: {error.message}"
            return AnswerFailedError(error)
        return None

    async def _keep(self, exchange: Exchange, *, is_marked: bool) -> ServiceError | None:
        """Write the row, come what may; returns what kept it from being written."""
        request, answer = exchange.request, exchange.finish()
        conversation, is_whole = make_conversation(request, answer, self.settings)
        is_in_rollout = answer.assignment is not None
        chooses = is_marked and is_whole
        mark = self.choose_mark(request.model, is_in_rollout) if chooses else None
        bill = Bill(self.prices, request.model)
        execution = make_execution(
            exchange.request_id, request, answer, charge_answer(bill, answer)
        )
        within = exchange.keeping() if is_marked else None
        row = Row(execution, conversation, mark, bill.as_json(), trace_parent=exchange.trace_parent)
        writing = asyncio.create_task(self.rows.write(row, within))
        self._hold(writing)
        try:
            await asyncio.shield(writing)
        except (DatabaseUnavailableError, CallInProgressError) as error:
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
            self.tell_marked()
        return None

    def _hold(self, task: asyncio.Task[Any] | None) -> None:
        """Let the end of the process wait for a task."""
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    def _name_unknown_fields(self, request: ChatRequest) -> None:
        """Name each field that the door doesn't know once in the log."""
        news = request.unknown_fields - self._named_fields
        if news and len(self._named_fields) < MAX_NAMED_FIELDS:
            self._named_fields |= news
            log.info("unknown_fields_passed_on", fields=[name[:64] for name in sorted(news)[:10]])


async def _tell_failure(failure: ServiceError, client: Client) -> None:
    if client.has_begun:
        log.warning("stream_failed", code=failure.code, message=failure.message)
        await client.send_events(write_event(openai_error(failure)), is_last=True)
        return
    failure.headers = {**client.headers, **failure.headers}
    raise failure
