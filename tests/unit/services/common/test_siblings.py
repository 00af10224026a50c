"""What Worker and Evaluator are sent by the services that call them, and by what path."""

from collections.abc import AsyncIterator
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from services.common.config import UpstreamSettings
from services.common.errors import UpstreamError
from services.common.http import create_session
from services.common.schemas import EvaluationRequest, TaskRequest
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
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    async def answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.path, headers, await request.read()))
        if self.fails:
            body = {"code": "not_judgeable", "message": "no", "request_id": str(ID)}
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


async def test_the_internal_token_goes_along_where_there_is_one(
    worker: WorkerClient, sibling: Sibling
) -> None:
    await worker.perform(TASK, internal_token="secret")
    [(_, headers, _)] = sibling.requests
    assert headers["x-internal-token"] == "secret"


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
