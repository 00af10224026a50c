"""A Manager behind a real server, with a Worker that does as it is told, and no Evaluator."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn
from aiohttp.test_utils import TestServer
from support.stub_worker import StubWorker

from services.common.config import Settings
from services.common.http_protocol import BoundedHttpProtocol
from services.manager.app import main

ASK = {"model": "code_generation", "messages": [{"role": "user", "content": "Say hello."}]}


class Door:
    """The door as a client sees it."""

    def __init__(self, session: aiohttp.ClientSession, server: uvicorn.Server, port: int) -> None:
        self.session = session
        self.server = server
        self.port = port

    def post(self, body: Any = None, **changes: Any) -> Any:
        """Ask for a completion; to be awaited, or entered."""
        content = body if isinstance(body, bytes) else json.dumps({**(body or ASK), **changes})
        headers = {"Content-Type": "application/json"}
        return self.session.post("/v1/chat/completions", data=content, headers=headers)

    async def ask(self, body: Any = None, **changes: Any) -> tuple[int, dict[str, Any], Any]:
        """Ask, and return status, body and headers."""
        async with self.post(body, **changes) as response:
            return response.status, await response.json(), response.headers

    async def stream(self, **changes: Any) -> tuple[list[Any], Any]:
        """Ask for a stream, and return its events and headers."""
        async with self.post(stream=True, **changes) as response:
            text = (await response.read()).decode()
            events = [line for line in text.split("\n\n") if line]
            assert response.status == 200, text
            return [read_event(event) for event in events], response.headers

    async def show(self, request_id: str) -> Any:
        """Ask what became of a request."""
        async with self.session.get(f"/api/v1/requests/{request_id}") as response:
            return await response.json()


def read_event(event: str) -> Any:
    """Read an event: JSON, `[DONE]`, or a comment."""
    data = event.removeprefix("data: ")
    return json.loads(data) if data.startswith("{") else data


StartDoor = Callable[..., Awaitable[Door]]


@pytest.fixture
def worker() -> StubWorker:
    return StubWorker()


@pytest.fixture
async def start_door(
    worker: StubWorker, make_settings: Callable[..., Settings], tmp_path: Path
) -> AsyncIterator[StartDoor]:
    """Starts a Manager; keyword arguments are settings of it."""
    async with AsyncExitStack() as stack:

        async def start(**overrides: Any) -> Door:
            stub = TestServer(worker.app())
            await stub.start_server()
            stack.push_async_callback(stub.close)
            urls = {"worker_url": str(stub.make_url("")), "evaluator_url": "http://127.0.0.1:9"}
            settings = make_settings(**urls | overrides)
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            config = uvicorn.Config(
                main.create_manager(settings),
                loop="none",
                http=BoundedHttpProtocol,
                ws="none",
                log_config=None,
                timeout_graceful_shutdown=1,
            )
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            port = listener.getsockname()[1]
            session = await stack.enter_async_context(
                aiohttp.ClientSession(
                    f"http://127.0.0.1:{port}", connector=aiohttp.TCPConnector(limit=0)
                )
            )

            async def stop() -> None:
                await session.close()
                server.should_exit = True
                await serving

            stack.push_async_callback(stop)
            return Door(session, server, port)

        yield start


@pytest.fixture
async def door(start_door: StartDoor) -> Door:
    return await start_door()
