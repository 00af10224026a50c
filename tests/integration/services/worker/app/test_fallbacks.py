"""A Worker whose provider is dead, and which has another model to ask."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from fastapi import FastAPI

from services.common.config import Settings
from services.common.llm import guard
from services.common.llm.guard import ProviderGuard
from services.worker.app import main

Serve = Callable[[FastAPI], Awaitable[httpx.AsyncClient]]
MakeSettings = Callable[..., Settings]
TOKEN = "open sesame"
STREAM = (
    'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}],'
    '"model":"gpt-b-2"}\n\ndata: [DONE]\n\n'
)


class Provider:
    """Answers HTTP 500 for the models that are dead; where it hangs, the main one gets nothing."""

    def __init__(self) -> None:
        self.dead: set[str] = {"gpt-a"}
        self.hangs = False
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        model = body["model"]
        self.asked.append(model)
        if self.hangs and model == "gpt-a":
            await asyncio.Event().wait()
        if model in self.dead:
            return web.json_response({"error": {"message": "boom"}}, status=500)
        if body.get("stream"):
            return web.Response(text=STREAM, content_type="text/event-stream")
        choice = {"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
        return web.json_response({"model": f"{model}-2", "choices": [choice]})


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def worker(
    monkeypatch: pytest.MonkeyPatch,
    provider: Provider,
    serve: Serve,
    make_settings: MakeSettings,
) -> AsyncIterator[httpx.AsyncClient]:
    """A Worker of which a single failure opens a breaker."""
    monkeypatch.setattr(ProviderGuard, "__init__", _open_soon(ProviderGuard.__init__))
    async with AsyncExitStack() as stack:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", provider.answer)
        server = await stack.enter_async_context(TestServer(app))
        settings = make_settings(
            llm_provider="openai",
            llm_model="gpt-a",
            llm_base_url=str(server.make_url("/v1")),
            llm_fallbacks="openai:gpt-b",
            internal_token=TOKEN,
        )
        yield await serve(main.create_worker(settings))


def _open_soon(make: Callable[..., None]) -> Callable[..., None]:
    def make_impatient(made: ProviderGuard, name: str) -> None:
        make(made, name)
        made.breaker._failures, made.breaker._failing_seconds = 1, 0.0

    return make_impatient


async def perform(worker: httpx.AsyncClient, **more: Any) -> httpx.Response:
    task = {"request_id": str(uuid4()), "task_type": "code_generation", "refined_input": "Hi"}
    headers = {"X-Internal-Token": TOKEN}
    return await worker.post("/api/v1/task", json=task | more, headers=headers)


async def chat(worker: httpx.AsyncClient, **more: Any) -> httpx.Response:
    request = {"model": "code_generation", "messages": [{"role": "user", "content": "Hi"}], **more}
    task = {"request_id": str(uuid4()), "task_type": "code_generation", "request": request}
    return await worker.post("/api/v1/chat", json=task)


async def test_another_model_answers_and_its_name_comes_along(
    worker: httpx.AsyncClient, provider: Provider
) -> None:
    first = await perform(worker)
    whole, stream = await chat(worker), await chat(worker, stream=True)
    metrics = (await worker.get("/metrics")).text

    assert (first.json()["model"], first.json()["fallback"]) == ("gpt-b-2", "openai:gpt-b")
    for response in (whole, stream):
        assert response.status_code == 200
        assert response.headers["x-selfheal-provider"] == "openai"
        assert response.headers["x-selfheal-fallback"] == "openai:gpt-b"
    assert stream.text.startswith("data: ")
    assert provider.asked == ["gpt-a", "gpt-b", "gpt-b", "gpt-b"]
    assert 'agent_model_fallbacks_total{model="gpt-b",provider="openai"} 3.0' in metrics


async def test_the_main_model_says_nothing_of_others(
    worker: httpx.AsyncClient, provider: Provider
) -> None:
    provider.dead = set()

    assert "fallback" not in (await perform(worker)).json()
    assert "x-selfheal-fallback" not in (await chat(worker)).headers
    assert provider.asked == ["gpt-a", "gpt-a"]


async def test_a_replay_fails_at_once_instead(
    worker: httpx.AsyncClient, provider: Provider
) -> None:
    await perform(worker)
    response = await perform(worker, purpose="replay")

    assert (response.status_code, response.json()["code"]) == (502, "model_unavailable")
    assert response.headers["retry-after"] == "1"
    assert provider.asked == ["gpt-a", "gpt-b"]


async def test_calls_that_hang_are_answered_by_another_model(
    monkeypatch: pytest.MonkeyPatch, worker: httpx.AsyncClient, provider: Provider
) -> None:
    monkeypatch.setattr(guard, "LEAST_SILENCE_SECONDS", 0.05)
    provider.dead = set()
    await perform(worker)
    provider.hangs = True
    responses = await asyncio.gather(*(perform(worker) for _ in range(5)))

    assert [response.json()["model"] for response in responses] == ["gpt-b-2"] * 5
