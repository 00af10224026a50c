"""A service that does nothing but answer, to see what `create_app` gives to every service."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI

from services.common.errors import InvalidRequestError, UnknownTaskTypeError
from services.common.metrics import ServiceMetrics
from services.common.schemas import AgentRequest
from services.common.web import create_app

Probe = Callable[..., Awaitable[httpx.AsyncClient]]


async def _find_no_obstacle() -> str:
    return ""


@asynccontextmanager
async def _holding_nothing(app: FastAPI) -> AsyncIterator[None]:
    yield


def _add_routes(app: FastAPI) -> None:
    @app.post("/api/v1/echo")
    async def echo(body: AgentRequest) -> dict[str, str]:
        return {"user_input": body.user_input}

    @app.get("/api/v1/refuse")
    async def refuse() -> None:
        raise InvalidRequestError("Not like this.", hint="otherwise")

    @app.get("/api/v1/unknown")
    async def miss() -> None:
        raise UnknownTaskTypeError(task_type="poetry", known=["code_generation"])

    @app.get("/api/v1/break")
    async def fail() -> None:
        raise RuntimeError("the secret ingredient is sk-123")


@pytest.fixture(autouse=True)
def log_entries() -> Iterator[list[MutableMapping[str, Any]]]:
    """What the test made the code log."""
    with structlog.testing.capture_logs() as entries:
        yield entries


@pytest.fixture
async def probe() -> AsyncIterator[Probe]:
    """Builds the service; keyword arguments go to `create_app`."""
    async with AsyncExitStack() as stack:

        async def build(**options: object) -> httpx.AsyncClient:
            app = create_app(
                "probe",
                **{
                    "metrics": ServiceMetrics("probe"),
                    "authorise": lambda _scope: None,
                    "lifespan": _holding_nothing,
                    "find_obstacle": _find_no_obstacle,
                    **options,
                },
            )
            _add_routes(app)
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app)
            return await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://probe.test")
            )

        yield build


@pytest.fixture
async def client(probe: Probe) -> httpx.AsyncClient:
    return await probe()
