"""What Worker and Evaluator are sent by the services that call them, and by what path."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from services.common.errors import UpstreamError, UpstreamOverloadedError, UpstreamTimeoutError
from services.common.http import create_session
from services.common.resilience.throttle import Throttle
from services.common.schemas import EvaluationRequest, TaskRequest
from services.common.settings.upstream import UpstreamSettings
from services.common.siblings import EvaluatorClient, WorkerClient

ID = UUID("11111111-2222-4333-8444-555555555555")
TASK = TaskRequest(request_id=ID, task_type="t", refined_input="Sort a list")
EVALUATION = EvaluationRequest(
    request_id=ID, task_type="t", user_input="sort", refined_input="Sort a list", worker_output="x"
)


class Sibling:
    """Answers as both services do, or with 503, and keeps what it was sent."""

    def __init__(self) -> None:
        self.fails = False
        self.code = "not_judgeable"
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    async def answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.path, headers, await request.read()))
        if self.fails:
            body = {"code": self.code, "message": "no", "request_id": str(ID)}
            return web.json_response(body, status=503)
        task = {"output": "x", "prompt_version": 3, "latency_ms": 5, "model": "m"}
        verdict = {"score": 0.5, "passed": False, "detail": {"any": ["thing", None]}}
        return web.json_response({"request_id": str(ID), **task, **verdict})


@pytest.fixture
def sibling() -> Sibling:
    return Sibling()


@pytest.fixture
async def url(sibling: Sibling) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/{path:.*}", sibling.answer)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with create_session() as session:
        yield session


@pytest.fixture
def worker(session: aiohttp.ClientSession, url: str) -> WorkerClient:
    return WorkerClient(session, UpstreamSettings(worker_url=url))


@pytest.fixture
def evaluator(session: aiohttp.ClientSession, url: str) -> EvaluatorClient:
    return EvaluatorClient(session, UpstreamSettings(evaluator_url=url))


async def test_a_task_goes_to_the_worker_under_the_requests_id(
    worker: WorkerClient, sibling: Sibling
) -> None:
    answer = await worker.perform(TASK)
    assert (answer.output, answer.prompt_version, answer.model) == ("x", 3, "m")
    [(path, headers, body)] = sibling.requests
    assert (path, headers["x-request-id"]) == ("/api/v1/task", str(ID))
    assert "x-internal-token" not in headers
    assert TaskRequest.model_validate_json(body) == TASK


async def test_the_callers_own_token_goes_along_with_everything(
    session: aiohttp.ClientSession, url: str, sibling: Sibling
) -> None:
    settings = UpstreamSettings(
        worker_url=url, evaluator_url=url, internal_token=SecretStr("secret")
    )
    await WorkerClient(session, settings).perform(TASK)
    await EvaluatorClient(session, settings).evaluate(EVALUATION)
    assert [headers["x-internal-token"] for _, headers, _ in sibling.requests] == ["secret"] * 2


async def test_an_answer_goes_to_the_evaluator_under_the_requests_id(
    evaluator: EvaluatorClient, sibling: Sibling
) -> None:
    verdict = await evaluator.evaluate(EVALUATION)
    assert (verdict.score, verdict.passed) == (0.5, False)
    assert verdict.detail == {"any": ["thing", None]}
    [(path, headers, body)] = sibling.requests
    assert (path, headers["x-request-id"]) == ("/api/v1/evaluate", str(ID))
    assert EvaluationRequest.model_validate_json(body) == EVALUATION


async def test_a_failure_says_whose_it_is(
    worker: WorkerClient, evaluator: EvaluatorClient, sibling: Sibling
) -> None:
    sibling.fails = True
    with pytest.raises(UpstreamError) as of_worker:
        await worker.perform(TASK)
    with pytest.raises(UpstreamError) as of_evaluator:
        await evaluator.evaluate(EVALUATION)
    assert [of_worker.value.upstream, of_evaluator.value.upstream] == ["worker", "evaluator"]
    assert of_evaluator.value.upstream_code == "not_judgeable"


async def test_what_is_not_live_says_so(
    worker: WorkerClient, session: aiohttp.ClientSession, url: str, sibling: Sibling
) -> None:
    await worker.perform(TASK)
    await worker.perform(TASK.model_copy(update={"purpose": "replay"}))
    settings = UpstreamSettings(evaluator_url=url)
    await EvaluatorClient(session, settings, purpose="scoring").evaluate(EVALUATION)
    purposes = [headers.get("x-selfheal-purpose") for _, headers, _ in sibling.requests]
    assert purposes == [None, "replay", "scoring"]


async def test_only_live_requests_that_are_refused_have_the_caller_ask_less(
    session: aiohttp.ClientSession, url: str, sibling: Sibling
) -> None:
    sibling.fails, sibling.code = True, "overloaded"
    settings = UpstreamSettings(worker_url=url, evaluator_url=url)
    throttle = Throttle()
    scoring = EvaluatorClient(session, settings, throttle, purpose="scoring")
    for _ in range(20):
        with pytest.raises(UpstreamOverloadedError):
            await scoring.evaluate(EVALUATION)
    assert throttle.admits()

    for _ in range(20):
        with pytest.raises(UpstreamOverloadedError):
            await WorkerClient(session, settings, throttle).perform(TASK)
    assert not all(throttle.admits() for _ in range(10))


ChatAt = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Any]


@pytest.fixture
async def chat_at(session: aiohttp.ClientSession) -> AsyncIterator[ChatAt]:
    """Makes a client of a Worker that answers conversations as a handler does."""
    async with AsyncExitStack() as stack:

        async def start(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
            app = web.Application()
            app.router.add_post("/api/v1/chat", handle)
            server = await stack.enter_async_context(TestServer(app))
            settings = UpstreamSettings(
                worker_url=str(server.make_url("/")), worker_timeout_seconds=0.2
            )
            return WorkerClient(session, settings)

        yield start


def in_pieces(
    *pieces: bytes, hangs: bool = False
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        if hangs:
            await asyncio.Event().wait()
        await response.write_eof()
        return response

    return handle


async def test_events_are_whole_however_they_come(chat_at: ChatAt) -> None:
    stream = b"data: 1\n\ndata: 22\n\ndata: [DONE]\n\n"
    for size in (1, 5, 9, 100):
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        worker = await chat_at(in_pieces(*pieces))
        async with worker.chat(b"{}", ID) as reply:
            events = [event async for some in reply.read_events() for event in some]
        assert events == [b"1", b"22", b"[DONE]"]


async def test_a_pause_in_a_stream_is_a_timeout_and_its_length_is_none(chat_at: ChatAt) -> None:
    worker = await chat_at(in_pieces(b"data: 1\n\n", hangs=True))
    async with worker.chat(b"{}", ID) as reply:
        events = reply.read_events()
        assert await anext(events) == [b"1"]
        with pytest.raises(UpstreamTimeoutError):
            await anext(events)


async def test_a_refusal_at_the_door_keeps_its_reason_and_when_to_come_again(
    chat_at: ChatAt,
) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        body = {"code": "model_rate_limited", "message": "Wait.", "request_id": str(ID)}
        return web.json_response(body, status=503, headers={"Retry-After": "7"})

    worker = await chat_at(refuse)
    with pytest.raises(UpstreamError) as refusal:
        async with worker.chat(b"{}", ID):
            pass
    error = refusal.value
    assert (error.upstream_code, error.upstream_message) == ("model_rate_limited", "Wait.")
    assert error.headers == {"retry-after": "7"}
