"""Manager, Worker and Evaluator in this process, each behind its server, and a provider's stub."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.tcp_server import serving_over_tcp

from services.common.config import Settings
from services.evaluator.app import main as evaluator_main
from services.evaluator.app.sandbox import Execution, JailSandbox
from services.evaluator.app.sandbox.run.request import SELF_TEST
from services.manager.app import main as manager_main
from services.worker.app import main as worker_main

PATIENCE_SECONDS = 20
CODE = "```python\ndef sort(items: list) -> list:\n    '''Sort.'''\n    return sorted(items)\n```"


class Provider:
    """Answers chat completions with what it is told to, in turn, and hangs where that is None.

    Attributes:
        replies: What it says to each request; the last again and again.
        asked: The requests.
        is_asked: Set at each request.
    """

    def __init__(self) -> None:
        self.replies: list[str | None] = [CODE]
        self.asked: list[dict[str, Any]] = []
        self.is_asked = asyncio.Event()
        self._was_left = asyncio.Event()

    async def wait_until_left(self) -> None:
        """Wait until a caller has hung up."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._was_left.wait()

    async def complete(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        self.is_asked.set()
        reply = self.replies[min(len(self.asked), len(self.replies)) - 1]
        if reply is None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self._was_left.set()
                raise
        choice = {"message": {"role": "assistant", "content": reply}, "finish_reason": "stop"}
        return web.json_response({"model": "gpt-x", "choices": [choice]})


class Tap:
    """Lets requests through to a service, and keeps the headers that they came with."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        self.headers: list[dict[str, str]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        asking = self._session.request(
            request.method,
            self._url + request.path,
            data=await request.read(),
            headers=self.headers[-1],
        )
        async with asking as answer:
            told = {name: text for name, text in answer.headers.items() if name[0] in "xX"}
            return web.Response(
                body=await answer.read(),
                status=answer.status,
                headers=told,
                content_type=answer.content_type,
            )


class Chain:
    """The services in a row.

    Attributes:
        model: The Worker's provider.
        judge: The Evaluator's.
        run_has_begun: Set where an answer's code is run.
        runs_left: How many runs were cancelled.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.model = Provider()
        self.judge = Provider()
        self.judge.replies = ['{"score": 0.9, "reason": "It works.", "confidence": 0.8}']
        self.run_has_begun = asyncio.Event()
        self.runs_left = 0
        self.urls: dict[str, str] = {}
        self.to_worker = self.to_evaluator = Tap("", session)

    def post(self, service: str, path: str, body: Any, **headers: str) -> Any:
        """Ask a service; to be awaited, or entered."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.post(
            self.urls[service] + path,
            data=json.dumps(body),
            headers={"Content-Type": "application/json"} | named,
        )

    async def ask(self, service: str, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        """Ask a service, and return status and body."""
        async with self.post(service, path, body, **headers) as answer:
            return answer.status, await answer.json()

    async def hang_up(
        self, service: str, path: str, body: Any, *, when: asyncio.Event, **headers: str
    ) -> None:
        """Ask a service, and hang up when something has happened."""
        asking = asyncio.create_task(self.ask(service, path, body, **headers))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await when.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


JAIL_RUN = JailSandbox.run


def noting(chain: Chain) -> Any:
    """Return a sandbox's `run` that notes when it begins and whether it is cancelled."""

    async def run(sandbox: JailSandbox, source: str, steps: Any) -> Execution:
        if source != SELF_TEST[0]:
            chain.run_has_begun.set()
        try:
            return await JAIL_RUN(sandbox, source, steps)
        except asyncio.CancelledError:
            chain.runs_left += 1
            raise

    return run


StartChain = Callable[..., Awaitable[Chain]]


@pytest.fixture
async def start_chain(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[StartChain]:
    """Starts the services; keyword arguments are settings of all of them."""
    # They ask the judge by themselves, and here each question is counted.
    monkeypatch.setattr(evaluator_main, "load_canaries", tuple)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def serve(path: str, handle: Any) -> str:
            app = web.Application()
            app.router.add_post(path, handle)
            server = await stack.enter_async_context(TestServer(app))
            return str(server.make_url("/")).rstrip("/")

        async def start(**overrides: Any) -> Chain:
            chain = Chain(session)

            async def with_model(provider: Provider, **more: Any) -> Settings:
                url = await serve("/v1/chat/completions", provider.complete)
                named = {
                    "llm_provider": "openai",
                    "llm_model": "gpt-x",
                    "llm_base_url": f"{url}/v1",
                }
                return make_settings(**named | more | overrides)

            worker = worker_main.create_worker(await with_model(chain.model))
            evaluator = evaluator_main.create_evaluator(
                await with_model(chain.judge, sandbox="jail", sandbox_slots=1)
            )
            for name, app in (("worker", worker), ("evaluator", evaluator)):
                chain.urls[name] = await stack.enter_async_context(serving_over_tcp(app))
            monkeypatch.setattr(JailSandbox, "run", noting(chain))
            chain.to_worker = Tap(chain.urls["worker"], session)
            chain.to_evaluator = Tap(chain.urls["evaluator"], session)
            settings = make_settings(
                worker_url=await serve("/{path:.*}", chain.to_worker.handle),
                evaluator_url=await serve("/{path:.*}", chain.to_evaluator.handle),
                **overrides,
            )
            manager = manager_main.create_manager(settings)
            chain.urls["manager"] = await stack.enter_async_context(serving_over_tcp(manager))
            return chain

        yield start


@pytest.fixture
async def chain(start_chain: StartChain) -> Chain:
    return await start_chain()
