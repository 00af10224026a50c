"""What all services share over HTTP: errors as JSON, request ids, health, metrics."""

import asyncio
import math
import resource
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal, TypeVar, cast

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from services.common.access.networks import is_exposed, name_exposure
from services.common.api_description import (
    FAILURES_OF_ANY_ROUTE,
    describe_failures,
)
from services.common.config import explain_settings_error
from services.common.errors import (
    InvalidRequestError,
    OverloadedError,
    ServiceError,
    UnsupportedMediaTypeError,
)
from services.common.http_protocol import BoundedHttpProtocol
from services.common.loading import loading
from services.common.logging import configure_logging, get_logger
from services.common.metrics import ServiceMetrics
from services.common.middleware import (
    AnswerError,
    Authorise,
    RequestContextMiddleware,
    error_response,
)
from services.common.resilience import draining
from services.common.resilience.admission import Admission, Bounds
from services.common.schemas import (
    HealthResponse,
    ReadinessResponse,
)
from services.common.settings.process import USAGE_EXIT_CODE, ServiceSettings
from services.common.tracing.setup import configure_tracing, flush_telemetry
from services.common.version import package_version

MAX_BODY_BYTES = 256 * 1024
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
METHOD_NOT_ALLOWED = 405
KEEP_ALIVE_SECONDS = 75
# A stream takes two, and shells allow 1,024. The sandbox's children close no more than these.
OPEN_FILES = 4096

log = get_logger()

# Says what keeps a service from serving now; empty where nothing does.
FindObstacle = Callable[[], Awaitable[str]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
OwnSettings = TypeVar("OwnSettings", bound=ServiceSettings)


async def _answer_service_error(request: Request, error: Exception) -> Response:
    failure = cast(ServiceError, error)
    if failure.code != OverloadedError.code:  # that is counted, and must cost little
        log.warning(
            "request_failed",
            path=request.url.path,
            code=failure.code,
            status=failure.status_code,
            message=failure.message,
        )
    return cast(Response, request.app.state.answer_error(request, failure))


async def _answer_invalid_request(request: Request, error: Exception) -> Response:
    """Say which field is wrong and why, without repeating what was sent."""
    failure = cast(RequestValidationError, error)
    if isinstance(failure.body, bytes):
        # FastAPI parses no body that isn't declared as JSON.
        return await _answer_service_error(request, UnsupportedMediaTypeError())
    problems = [_describe_problem(detail) for detail in failure.errors()[:10]]
    sentence = "; ".join(f"{problem['field']}: {problem['problem']}" for problem in problems)
    return await _answer_service_error(
        request, InvalidRequestError(f"The request is not valid: {sentence}.", problems=problems)
    )


def _describe_problem(detail: dict[str, Any]) -> dict[str, str]:
    if detail["type"] == "json_invalid":
        *_, position = detail["loc"]
        reason = f"no JSON from character {position} on: {detail['ctx']['error']}"
        return {"field": "body", "problem": reason}
    field = ".".join(str(part) for part in detail["loc"] if part != "body")
    return {"field": field or "body", "problem": str(detail["msg"])}


async def _answer_http_error(request: Request, error: Exception) -> Response:
    """Answer unknown paths, wrong methods and unreadable bodies with JSON, like other errors."""
    failure = cast(HTTPException, error)
    if isinstance(failure.__cause__, ServiceError):
        # FastAPI makes a 400 of any error in reading a body, our 413 included.
        return await _answer_service_error(request, failure.__cause__)
    codes = {400: "invalid_request", 404: "not_found", 405: "method_not_allowed"}
    told = ServiceError(f"{request.method} {request.url.path}: {failure.detail}")
    told.status_code = failure.status_code
    told.code = codes.get(failure.status_code, f"http_{failure.status_code}")
    told.headers = dict(failure.headers or {})
    if failure.status_code == METHOD_NOT_ALLOWED:
        told.headers = {"allow": ", ".join(_list_methods(request))}
    return cast(Response, request.app.state.answer_error(request, told))


def _list_methods(request: Request) -> list[str]:
    """List the methods of a path, of which Starlette names those of its first route alone."""
    routes = request.app.router.routes
    return [
        method
        for method in METHODS
        if any(one.matches({**request.scope, "method": method})[0] is Match.FULL for one in routes)
    ]


def create_app(
    service: str,
    *,
    metrics: ServiceMetrics,
    authorise: Authorise,
    lifespan: Lifespan,
    find_obstacle: FindObstacle,
    before_scrape: Callable[[], Awaitable[None]] | None = None,
    describe_condition: Callable[[], dict[str, Any]] = dict,
    max_body_bytes: int = MAX_BODY_BYTES,
    body_limits: Mapping[str, int] | None = None,
    answer_error: AnswerError = error_response,
    bound_seconds: float | None = None,
    is_documented: bool = True,
    bounds: Bounds | None = None,
) -> FastAPI:
    """Create an application with what the services share; the caller adds its routes.

    Args:
        service: Name of the service, as `/health` and the metrics give it.
        metrics: The service's metrics.
        authorise: Refuses, by its head, a request that isn't the caller's to make.
        lifespan: Opens and closes what the service holds.
        find_obstacle: Says what keeps the service from serving now; empty where nothing does.
        before_scrape: Refreshes what metrics can only know by asking.
        describe_condition: What `/health/ready` says besides, such as a degraded part.
        max_body_bytes: A larger request body is refused with 413.
        body_limits: Other limits in bytes, by path.
        answer_error: Makes the response that tells a client of an error.
        bound_seconds: Most seconds that a request to its API may take; a caller may give it less.
        is_documented: Whether `/docs` and `/openapi.json` describe its routes.
        bounds: What bounds how much of a path's requests is taken on, besides the event loop.
    """

    admission = Admission(metrics.count_refusal, bounds)

    @asynccontextmanager
    async def announced_lifespan(app: FastAPI) -> AsyncIterator[None]:
        admission.loop_delay.start()
        async with lifespan(app):
            log.info("service_started", version=package_version())
            yield
        await admission.loop_delay.close()
        flush_telemetry()
        log.info("service_stopped")

    app = FastAPI(
        title=f"Self-Healing Agent System: {service}",
        version=package_version(),
        lifespan=announced_lifespan,
        responses=describe_failures(FAILURES_OF_ANY_ROUTE),
        openapi_url="/openapi.json" if is_documented else None,
    )
    app.state.answer_error = answer_error
    app.add_exception_handler(ServiceError, _answer_service_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_middleware(
        RequestContextMiddleware,
        metrics=metrics,
        authorise=authorise,
        max_body_bytes=max_body_bytes,
        body_limits=body_limits,
        answer_error=answer_error,
        bound_seconds=bound_seconds,
        admission=admission,
    )

    @app.get("/health")
    async def report_health() -> HealthResponse:
        """Say that the process lives."""
        return HealthResponse(service=service, version=package_version())

    @app.get(
        "/health/ready",
        responses=describe_failures({503: "It couldn't serve now"}, model=ReadinessResponse),
    )
    async def report_readiness(response: Response) -> ReadinessResponse:
        """Say whether the service could serve a request now."""
        condition = describe_condition()
        if obstacle := draining.find_stopping(app) or await find_obstacle():
            response.status_code = 503
            condition["problem"] = obstacle
        status: Literal["ready", "not_ready"] = "not_ready" if obstacle else "ready"
        return ReadinessResponse(status=status, service=service, **condition)

    @app.get("/metrics", include_in_schema=False)
    @app.get(
        "/metrics/",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def report_metrics() -> Response:
        """Give the metrics in Prometheus' text format."""
        if before_scrape is not None:
            await before_scrape()
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return app


def gather_routes(*routers: APIRouter) -> list[BaseRoute]:
    """Gather routes for `app.router.routes`, to be done once: an application that includes routers
    works out anew what each of their routes takes and answers."""
    gathered = APIRouter(responses=describe_failures(FAILURES_OF_ANY_ROUTE))
    for router in routers:
        gathered.include_router(router)
    return gathered.routes


async def _require_nothing(settings: ServiceSettings) -> None:
    """Find no fault."""


def allow_open_files() -> None:
    """Raise how many files and connections this process may have open, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def serve(
    service: str,
    read_settings: Callable[[], OwnSettings],
    create: Callable[[OwnSettings], FastAPI],
    require: Callable[[OwnSettings], Coroutine[Any, Any, None]] = _require_nothing,
) -> None:
    """Run a service until SIGTERM or Ctrl-C.

    Args:
        service: Name of the service; it listens on the port of the setting `<service>_port`.
        read_settings: Reads the settings that are the service's own.
        create: Builds its application from them.
        require: Raises a ServiceError where it must not start.
    """
    try:
        settings = read_settings()
    except ValidationError as error:
        sys.stderr.write(explain_settings_error(error) + "\n")
        sys.exit(USAGE_EXIT_CODE)
    configure_logging(service, settings.log_level)
    allow_open_files()
    try:
        with loading():
            app = create(settings)
            configure_tracing(app, service, settings)
        asyncio.run(require(settings))
    except ServiceError as error:
        log.error("service_not_started", code=error.code, message=error.message)
        sys.exit(USAGE_EXIT_CODE)
    if is_exposed(settings) and settings.allow_open:
        log.warning(
            "service_open_to_all",
            problem=f"Whoever reaches this service may use it: {name_exposure(settings)}, and "
            "ALLOW_OPEN says that this is meant.",
        )
    config = uvicorn.Config(
        app,
        host=settings.bind_host,
        port=getattr(settings, f"{service}_port"),
        loop="uvloop",
        http=BoundedHttpProtocol,
        ws="none",
        proxy_headers=False,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(settings.grace_seconds),
    )
    draining.run(app, config, drain_seconds=settings.drain_seconds)
