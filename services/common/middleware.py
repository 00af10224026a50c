"""ASGI middleware of every service: request ids, a limit on bodies, metrics, unexpected errors."""

import time
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID, uuid4

import structlog
from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.common.chat.errors import OPENAI_PREFIX, name_retry, openai_error
from services.common.errors import OverloadedError, RequestTooLargeError, ServiceError
from services.common.logging import get_logger
from services.common.metrics import ServiceMetrics
from services.common.resilience.admission import Admission
from services.common.resilience.deadline import serving
from services.common.schemas import ErrorResponse

API_PREFIXES = ("/api/", OPENAI_PREFIX)

log = get_logger()

# Looks at a request's head, and raises a ServiceError where the caller may not do that; what has to
# ask for it returns something to wait for.
Authorise = Callable[[Scope], Awaitable[None] | None]
# Makes the response that tells a client of an error.
AnswerError = Callable[[Request, ServiceError], Response]


def request_id_of(scope: Scope) -> UUID:
    """Take the client's `X-Request-ID` where it is a UUID, else make a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            try:
                return UUID(value.decode("latin-1"))
            except ValueError:
                break
    return uuid4()


class RequestContextMiddleware:
    """Gives each request an id, sees who calls, limits its body, counts it, answers its errors.

    Plain ASGI and one layer for all of it, since a layer costs more than what it does here.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: ServiceMetrics,
        authorise: Authorise,
        max_body_bytes: int,
        body_limits: Mapping[str, int] | None = None,
        answer_error: AnswerError | None = None,
        bound_seconds: float | None = None,
        admission: Admission | None = None,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._authorise = authorise
        self._max_body_bytes = max_body_bytes
        self._body_limits = body_limits or {}
        self._answer_error = answer_error or error_response
        self._bound_seconds = bound_seconds
        self._admission = admission or Admission(metrics.count_refusal)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=str(request_id))
        if scope["method"] == "HEAD":
            # Answered as a GET would be; the server leaves the body out.
            scope = {**scope, "method": "GET"}
        limit_bytes = self._body_limits.get(scope["path"], self._max_body_bytes)
        is_api = scope["path"].startswith(API_PREFIXES)
        started = time.perf_counter()
        status_code = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status_code
            if message["type"] == "http.response.start":
                status_code = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", str(request_id).encode()),
                ]
            await send(message)

        try:
            with serving(scope["headers"], self._bound_seconds if is_api else None):
                if (waiting := self._authorise(scope)) is not None:
                    await waiting
                self._admission.admit(scope)
                await self._app(scope, _capped(scope, receive, limit_bytes), send_with_id)
        except Exception as error:
            if status_code:
                raise
            answer = self._answer_error(Request(scope), _as_told(scope, error))
            await answer(scope, receive, send_with_id)
        finally:
            if is_api:
                self._metrics.observe_request(
                    status_code=status_code or 500, seconds=time.perf_counter() - started
                )


def _capped(scope: Scope, receive: Receive, limit_bytes: int) -> Receive:
    """Refuse a body over the limit, by its declared length and by what arrives."""
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    received = 0

    async def receive_capped() -> Message:
        nonlocal received
        if declared.isdigit() and int(declared) > limit_bytes:
            raise RequestTooLargeError(limit_bytes=limit_bytes)
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit_bytes:
            raise RequestTooLargeError(limit_bytes=limit_bytes)
        return message

    return receive_capped


def error_response(request: Request, error: ServiceError) -> JSONResponse:
    """Create the response that tells a client of `error`, as the path's clients read it."""
    if request.scope["path"].startswith(OPENAI_PREFIX):
        return JSONResponse(
            openai_error(error),
            status_code=error.status_code,
            headers=name_retry(error.status_code) | error.headers,
        )
    request_id = str(request.state.request_id)
    body = ErrorResponse(
        code=error.code, message=error.message, request_id=request_id, **error.context
    )
    return JSONResponse(
        body.model_dump(mode="json"), status_code=error.status_code, headers=error.headers
    )


def _as_told(scope: Scope, error: Exception) -> ServiceError:
    """Return what a client hears of an error that no handler took; an unexpected one is logged."""
    if isinstance(error, OverloadedError):  # it is counted, and must cost little
        return error
    if isinstance(error, ServiceError):
        log.warning("request_refused", code=error.code, message=error.message)
        return error
    log.error("unexpected_error", path=scope["path"], exc_info=error)
    return ServiceError("Something went wrong on our side; the log has the details.")
