import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from support.fault_proxy import FaultProxy

from benchmarks.own_ports import take_port
from selfheal.task_types.scaffold import write_scaffold
from services.common.config import Settings
from services.manager.app import main

Connection = asyncpg.Connection
Serve = Callable[[FastAPI], Awaitable[httpx.AsyncClient]]
MakeSettings = Callable[..., Settings]

ID = "11111111-2222-4333-8444-555555555555"
REQUEST = {"user_input": "Write a function to sort a list", "task_type": "code_generation"}
OUTPUT = "```python\ndef sort_list(items: list) -> list:\n    return sorted(items)\n```"
DETAIL = {"judge": {"name": "rubric", "score": 0.9}, "rules": [{"name": "parses"}]}
JSON = {"Content-Type": "application/json"}


class FakeService:
    """A Worker or an Evaluator that answers as told, and keeps what it was asked."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.status = 200
        self.content: bytes | None = None
        self.headers: dict[str, str] = {}
        self.hangs = False
        self.questions: list[dict[str, Any]] = []
        self.request_ids: list[str | None] = []

    def fail(self, status: int, code: str, **extra: Any) -> None:
        self.status = status
        self.answer = {"code": code, "message": "It can't be.", "request_id": ID, **extra}

    async def handle(self, request: web.Request) -> web.Response:
        question = await request.json()
        self.questions.append(question)
        self.request_ids.append(request.headers.get("X-Request-ID"))
        if self.hangs:
            await asyncio.Event().wait()
        answer = {"request_id": question["request_id"]} | self.answer
        content = self.content if self.content is not None else json.dumps(answer).encode()
        return web.Response(
            body=content,
            status=self.status,
            content_type="application/json",
            headers=self.headers,
        )


@pytest.fixture
def worker() -> FakeService:
    return FakeService({"output": OUTPUT, "prompt_version": 1, "latency_ms": 7, "model": "fake-1"})


@pytest.fixture
def evaluator() -> FakeService:
    return FakeService({"score": 0.874, "passed": True, "detail": DETAIL})


@pytest.fixture
async def start_manager(
    worker: FakeService, evaluator: FakeService, serve: Serve, make_settings: MakeSettings
) -> AsyncIterator[Callable[..., Awaitable[httpx.AsyncClient]]]:
    """Starts both services and a Manager; keyword arguments are settings of the Manager."""
    async with AsyncExitStack() as stack:

        async def start_service(path: str, service: FakeService) -> str:
            app = web.Application()
            app.router.add_post(path, service.handle)
            server = await stack.enter_async_context(TestServer(app))
            return str(server.make_url("/"))

        async def start(**overrides: Any) -> httpx.AsyncClient:
            urls = {
                "worker_url": await start_service("/api/v1/task", worker),
                "evaluator_url": await start_service("/api/v1/evaluate", evaluator),
            }
            return await serve(main.create_manager(make_settings(**urls | overrides)))

        yield start


@pytest.fixture
async def manager(
    start_manager: Callable[..., Awaitable[httpx.AsyncClient]],
) -> httpx.AsyncClient:
    return await start_manager()


async def request(manager: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await manager.post("/api/v1/request", json=REQUEST | changes)


async def read_log(connection: Connection) -> list[dict[str, Any]]:
    rows = await connection.fetch("SELECT * FROM execution_logs ORDER BY id")
    return [dict(row) for row in rows]


def assert_is_error(response: httpx.Response, status: int, code: str) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body["code"] == code
    assert body["message"]
    assert body["request_id"] == response.headers["x-request-id"]


async def test_an_answer_has_the_guides_fields(manager: httpx.AsyncClient) -> None:
    response = await request(manager)

    assert response.status_code == 200
    body = response.json()
    assert UUID(body.pop("request_id")) == UUID(response.headers["x-request-id"])
    assert body.pop("refined_input").startswith("Write a function to sort a list")
    assert body == {
        "worker_output": OUTPUT,
        "evaluation_score": 0.874,
        "evaluation_passed": True,
        "prompt_version": 1,
        "model": "fake-1",
        "judge": "rubric",
    }


async def test_the_request_is_one_row_of_the_log_before_the_answer_leaves(
    manager: httpx.AsyncClient, connection: Connection
) -> None:
    body = (await request(manager)).json()

    [row] = await read_log(connection)
    del row["id"], row["created_at"]
    assert row == {
        "request_id": UUID(body["request_id"]),
        "task_type": "code_generation",
        "user_input": "Write a function to sort a list",
        "refined_input": body["refined_input"],
        "prompt_version": 1,
        "worker_output": OUTPUT,
        "worker_latency_ms": 7,
        "evaluation_score": 0.874,
        "evaluation_passed": True,
        "evaluation_detail": {"worker": {"model": "fake-1"}, **DETAIL},
        "error_message": None,
    }


async def test_a_model_that_stood_in_is_told_to_the_client_and_kept(
    manager: httpx.AsyncClient, worker: FakeService, connection: Connection
) -> None:
    worker.answer["fallback"] = "openai:gpt-b"
    response = await request(manager)

    assert response.headers["x-selfheal-fallback"] == "openai:gpt-b"
    assert response.json()["fallback"] == "openai:gpt-b"
    [row] = await read_log(connection)
    told = {"worker": {"model": "fake-1", "fallback": "openai:gpt-b"}, **DETAIL}
    assert row["evaluation_detail"] == told


async def test_a_provider_that_is_left_alone_names_a_wait(
    manager: httpx.AsyncClient, worker: FakeService
) -> None:
    worker.fail(502, "model_unavailable")
    worker.headers["Retry-After"] = "1"
    response = await request(manager)

    assert (response.status_code, response.headers["retry-after"]) == (502, "1")


async def test_both_services_are_asked_in_the_guides_words(
    manager: httpx.AsyncClient, worker: FakeService, evaluator: FakeService
) -> None:
    body = (await request(manager)).json()

    [task] = worker.questions
    [evaluation] = evaluator.questions
    common = {
        "request_id": body["request_id"],
        "task_type": "code_generation",
        "refined_input": body["refined_input"],
    }
    assert task == common
    assert evaluation == common | {
        "user_input": "Write a function to sort a list",
        "worker_output": OUTPUT,
    }


async def test_the_clients_request_id_goes_all_the_way(
    manager: httpx.AsyncClient,
    connection: Connection,
    worker: FakeService,
    evaluator: FakeService,
) -> None:
    response = await manager.post("/api/v1/request", json=REQUEST, headers={"X-Request-ID": ID})

    assert response.json()["request_id"] == response.headers["x-request-id"] == ID
    assert worker.request_ids == evaluator.request_ids == [ID]
    assert [row["request_id"] for row in await read_log(connection)] == [UUID(ID)]


@pytest.mark.parametrize(
    "text",
    [
        "{input} {{ x }} {% y %} ${z} 100 % %s",
        "'; DROP TABLE prompts; --",
        "한국어 😀",
        "a\\u0000b",
    ],
    ids=["templates", "SQL", "other scripts", "a spelled NUL"],
)
async def test_any_text_is_only_text(
    manager: httpx.AsyncClient,
    connection: Connection,
    worker: FakeService,
    evaluator: FakeService,
    text: str,
) -> None:
    worker.answer["output"] = text
    evaluator.answer["detail"] = {"judge": {"name": text, "reason": text}}
    response = await request(manager, user_input=text)

    assert response.status_code == 200
    [row] = await read_log(connection)
    assert (row["user_input"], row["worker_output"]) == (text, text)
    assert row["evaluation_detail"]["judge"] == {"name": text, "reason": text}
    assert text in worker.questions[0]["refined_input"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, "model_rate_limited"),
        (504, "model_timeout"),
        (502, "model_unavailable"),
        (502, "model_content_filtered"),
        (500, "internal_error"),
        (503, "database_unavailable"),
        (422, "invalid_request"),
    ],
)
async def test_a_worker_that_fails_is_502_and_a_row_without_output(
    *,
    manager: httpx.AsyncClient,
    connection: Connection,
    worker: FakeService,
    evaluator: FakeService,
    status: int,
    code: str,
) -> None:
    worker.fail(status, code)
    response = await request(manager)

    assert_is_error(response, 502, "worker_failed")
    assert response.json()["upstream_code"] == code
    [row] = await read_log(connection)
    assert str(row["request_id"]) == response.json()["request_id"]
    assert row["error_message"] == "worker_failed: The worker answered: It can't be."
    assert row["evaluation_detail"] == {"error": {"service": "worker", "code": code}}
    assert (row["worker_output"], row["prompt_version"]) == (None, None)
    assert (row["evaluation_score"], row["evaluation_passed"]) == (None, None)
    assert evaluator.questions == []


@pytest.mark.parametrize(
    ("status", "code"),
    [(503, "judge_unavailable"), (503, "judge_invalid"), (500, "internal_error")],
)
async def test_an_evaluator_that_fails_is_502_and_a_row_without_score(
    manager: httpx.AsyncClient,
    connection: Connection,
    evaluator: FakeService,
    status: int,
    code: str,
) -> None:
    evaluator.fail(status, code)
    response = await request(manager)

    assert_is_error(response, 502, "evaluator_failed")
    [row] = await read_log(connection)
    assert str(row["request_id"]) == response.json()["request_id"]
    assert f"selfheal explain {row['request_id']}" in response.json()["message"]
    assert row["error_message"] == "evaluator_failed: The evaluator answered: It can't be."
    assert (row["worker_output"], row["prompt_version"]) == (OUTPUT, 1)
    assert (row["evaluation_score"], row["evaluation_passed"]) == (None, None)
    assert row["evaluation_detail"] == {
        "worker": {"model": "fake-1"},
        "error": {"service": "evaluator", "code": code},
    }


@pytest.mark.parametrize("late", ["worker", "evaluator"])
async def test_a_service_that_is_late_is_504_and_a_row(
    start_manager: Callable[..., Awaitable[httpx.AsyncClient]],
    connection: Connection,
    request: pytest.FixtureRequest,
    late: str,
) -> None:
    request.getfixturevalue(late).hangs = True
    manager = await start_manager(**{f"{late}_timeout_seconds": 0.1})
    response = await manager.post("/api/v1/request", json=REQUEST)

    assert_is_error(response, 504, f"{late}_failed")
    [row] = await read_log(connection)
    assert row["error_message"] == f"{late}_failed: The {late} gave no answer in 0.1 s."
    assert row["evaluation_score"] is None


@pytest.mark.parametrize("absent", ["worker", "evaluator"])
async def test_a_service_that_is_not_there_is_502_and_a_row(
    start_manager: Callable[..., Awaitable[httpx.AsyncClient]],
    connection: Connection,
    absent: str,
) -> None:
    manager = await start_manager(**{f"{absent}_url": f"http://127.0.0.1:{take_port()}"})
    response = await request(manager)

    assert_is_error(response, 502, f"{absent}_failed")
    [row] = await read_log(connection)
    assert row["error_message"] == f"{absent}_failed: The {absent} can't be reached"


NONSENSE = [
    pytest.param("worker", b"", id="Worker: nothing"),
    pytest.param("worker", b"[" * 100_000, id="Worker: a nesting bomb"),
    pytest.param("worker", {"output": None}, id="Worker: no output"),
    pytest.param("worker", {"output": "a\x00b"}, id="Worker: an output with NUL"),
    pytest.param("worker", {"output": "a\ud800b"}, id="Worker: an output with a surrogate"),
    pytest.param("worker", {"output": "x" * 200_001}, id="Worker: an output without end"),
    pytest.param("worker", {"prompt_version": 10**12}, id="Worker: a version without end"),
    pytest.param("worker", {"latency_ms": -1}, id="Worker: time that runs backwards"),
    pytest.param("evaluator", b"<html>", id="Evaluator: a page"),
    pytest.param("evaluator", {"score": None}, id="Evaluator: no score"),
    pytest.param("evaluator", {"score": 8}, id="Evaluator: a score of ten"),
    pytest.param("evaluator", {"score": float("nan")}, id="Evaluator: NaN"),
    pytest.param("evaluator", {"detail": {"a": float("nan")}}, id="Evaluator: NaN in the detail"),
    pytest.param("evaluator", {"detail": []}, id="Evaluator: a detail that is none"),
]


@pytest.mark.parametrize(("service", "answer"), NONSENSE)
async def test_nonsense_from_a_service_is_502_and_a_row_without_score(
    manager: httpx.AsyncClient,
    connection: Connection,
    request: pytest.FixtureRequest,
    service: str,
    answer: Any,
) -> None:
    fake = request.getfixturevalue(service)
    if isinstance(answer, bytes):
        fake.content = answer
    else:
        fake.answer |= answer
    response = await manager.post("/api/v1/request", json=REQUEST)

    assert_is_error(response, 502, f"{service}_failed")
    assert response.json()["upstream_code"] == "invalid_answer"
    [row] = await read_log(connection)
    assert row["evaluation_score"] is None
    assert row["error_message"].startswith(f"{service}_failed")


@pytest.mark.parametrize("detail", [{}, {"judge": "rubric"}, {"judge": None}], ids=json.dumps)
async def test_a_detail_that_names_no_judge_does_not_lose_the_score(
    manager: httpx.AsyncClient,
    connection: Connection,
    evaluator: FakeService,
    detail: dict[str, Any],
) -> None:
    evaluator.answer["detail"] = detail
    response = await request(manager)

    assert response.json()["judge"] == "unknown"
    assert [row["evaluation_score"] for row in await read_log(connection)] == [0.874]


async def test_an_unknown_task_type_is_404_without_row_or_label(
    manager: httpx.AsyncClient, connection: Connection, worker: FakeService
) -> None:
    known = {"task_type": "poetry", "known_task_types": ["code_generation"]}
    worker.fail(404, "unknown_task_type", **known)
    response = await request(manager, task_type="poetry")

    assert_is_error(response, 404, "unknown_task_type")
    assert response.json()["known_task_types"] == ["code_generation"]
    assert await read_log(connection) == []
    assert "poetry" not in (await manager.get("/metrics")).text


@pytest.mark.parametrize(
    "user_input",
    ["\u200b", "\u200b\ufeff\u2060", " \u200d\n", "\x01\x02", "\u202e\u200f"],
    ids=["zero width", "several", "with white space", "control characters", "direction marks"],
)
async def test_an_input_with_nothing_to_see_is_422_and_reaches_nobody(
    manager: httpx.AsyncClient, connection: Connection, worker: FakeService, user_input: str
) -> None:
    response = await request(manager, user_input=user_input)

    assert_is_error(response, 422, "invalid_request")
    assert worker.questions == []
    assert await read_log(connection) == []


BAD_BODIES = [
    pytest.param(b"", 422, id="empty"),
    pytest.param(b"{", 422, id="broken"),
    pytest.param(b"[]", 422, id="array"),
    pytest.param(b"[" * 100_000, 400, id="100,000 open brackets"),
    pytest.param(b'{"user_input": "\xff", "task_type": "t"}', 400, id="invalid UTF-8"),
    pytest.param(b'{"user_input": NaN, "task_type": "t"}', 422, id="NaN"),
    pytest.param(b'{"user_input": "x", "task_type": "t", "y": NaN}', 422, id="NaN elsewhere"),
    pytest.param(b'{"user_input": "\\ud800", "task_type": "t"}', 422, id="lone surrogate"),
    pytest.param(b'{"user_input": "a\\u0000", "task_type": "t"}', 422, id="NUL"),
    pytest.param(b'{"user_input": true, "task_type": "t"}', 422, id="boolean for text"),
    pytest.param(b'{"user_input": " ", "task_type": "t"}', 422, id="blank"),
    pytest.param(b'{"user_input": "x", "task_type": ""}', 422, id="no task type"),
    pytest.param(b'{"user_input": "' + b"x" * 20_001 + b'", "task_type": "t"}', 422, id="long"),
    pytest.param(b'{"user_input": "' + b"x" * 300_000 + b'"}', 413, id="over 256 KB"),
]


@pytest.mark.parametrize(("content", "status"), BAD_BODIES)
async def test_a_bad_request_is_the_clients_error_and_reaches_nobody(
    manager: httpx.AsyncClient,
    connection: Connection,
    worker: FakeService,
    content: bytes,
    status: int,
) -> None:
    response = await manager.post("/api/v1/request", content=content, headers=JSON)

    assert_is_error(response, status, "request_too_large" if status == 413 else "invalid_request")
    assert worker.questions == []
    assert await read_log(connection) == []


@pytest.mark.parametrize("character", ["x", "가", "😀", "\u0958"], ids=ascii)
async def test_the_longest_input_is_served(
    manager: httpx.AsyncClient, connection: Connection, character: str
) -> None:
    response = await request(manager, user_input=character * 20_000)

    assert response.status_code == 200
    [row] = await read_log(connection)
    assert row["user_input"] == character * 20_000


async def test_an_evaluator_that_is_away_is_502_at_once_with_a_row_each(
    start_manager: Callable[..., Awaitable[httpx.AsyncClient]], connection: Connection
) -> None:
    manager = await start_manager(evaluator_url=f"http://127.0.0.1:{take_port()}")
    for _ in range(5):
        assert_is_error(await request(manager), 502, "evaluator_failed")
    rows = await read_log(connection)
    assert [row["worker_output"] for row in rows] == [OUTPUT] * 5
    assert {row["evaluation_detail"]["error"]["code"] for row in rows} == {"unreachable"}
    metrics = (await manager.get("/metrics/")).text
    assert 'agent_breaker_open{breaker="evaluator"} 1.0' in metrics
    assert 'agent_breaker_open{breaker="worker"} 0.0' in metrics


async def test_how_old_a_prompt_is_that_could_not_be_read_anew_is_told_in_a_header(
    manager: httpx.AsyncClient, worker: FakeService
) -> None:
    assert "x-selfheal-prompt-age" not in (await request(manager)).headers
    worker.answer["prompt_age_seconds"] = 0
    response = await request(manager)
    assert response.headers["x-selfheal-prompt-age"] == "0"
    assert "prompt_age_seconds" not in response.json()


async def test_what_the_database_does_not_take_waits_on_disk_and_lands_by_itself(
    start_manager: Callable[..., Awaitable[httpx.AsyncClient]],
    connection: Connection,
    database_url: str,
) -> None:
    port = urlsplit(database_url).port or 0
    proxy = FaultProxy(port)
    await proxy.open()
    manager = await start_manager(database_url=database_url.replace(f":{port}", f":{proxy.port}"))
    await request(manager)
    async with proxy.down():
        answers = await asyncio.gather(*(request(manager) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert (await manager.get("/health/ready")).status_code == 200
        assert "agent_spool_records 20.0" in (await manager.get("/metrics/")).text
        assert len(await read_log(connection)) == 1
    async with asyncio.timeout(30):
        while "agent_spool_records 0.0" not in (await manager.get("/metrics/")).text:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.05)
    assert "agent_spool_landed_total 20.0" in (await manager.get("/metrics/")).text
    ids = [str(row["request_id"]) for row in await read_log(connection)]
    assert set(ids) >= {answer.json()["request_id"] for answer in answers}
    assert len(ids) == 21
    await proxy.close()


@pytest.mark.parametrize("evaluator_status", [200, 503], ids=["scored", "unscored"])
async def test_what_the_database_does_not_take_is_never_acknowledged(
    start_manager: Callable[..., Awaitable[httpx.AsyncClient]],
    evaluator: FakeService,
    evaluator_status: int,
) -> None:
    if evaluator_status != 200:
        evaluator.fail(evaluator_status, "judge_unavailable")
    nowhere = f"postgresql://agent:agent@127.0.0.1:{take_port()}/agent_system"
    manager = await start_manager(database_url=nowhere, log_when_away="refuse")
    response = await request(manager)

    assert_is_error(response, 503, "database_unavailable")
    assert (await manager.get("/health/ready")).status_code == 503
    assert (await manager.get("/health")).status_code == 200


async def test_a_log_that_can_not_be_written_is_503(
    start_manager: Callable[..., Awaitable[httpx.AsyncClient]], connection: Connection
) -> None:
    manager = await start_manager(database_timeout_seconds=0.3, log_when_away="refuse")
    async with connection.transaction():
        await connection.execute("LOCK TABLE execution_logs IN ACCESS EXCLUSIVE MODE")
        response = await request(manager)

    assert_is_error(response, 503, "database_unavailable")


async def test_requests_at_once_are_a_row_each(
    manager: httpx.AsyncClient, connection: Connection
) -> None:
    responses = await asyncio.gather(*(request(manager) for _ in range(30)))

    acknowledged = {response.json()["request_id"] for response in responses}
    assert {response.status_code for response in responses} == {200}
    assert len(acknowledged) == 30
    assert {str(row["request_id"]) for row in await read_log(connection)} == acknowledged


async def test_both_series_of_requests_are_there_and_count(
    manager: httpx.AsyncClient, worker: FakeService
) -> None:
    async def count() -> dict[str, float]:
        families = text_string_to_metric_families((await manager.get("/metrics/")).text)
        return {
            sample.labels["status"]: sample.value
            for family in families
            for sample in family.samples
            if sample.name == "agent_requests_total"
        }

    assert await count() == {"success": 0, "error": 0}
    await request(manager)
    worker.fail(502, "model_unavailable")
    await request(manager)
    assert await count() == {"success": 1, "error": 1}


async def test_the_log_of_the_service_tells_the_outcome_but_not_what_was_said(
    manager: httpx.AsyncClient, log_entries: list[dict[str, Any]]
) -> None:
    await request(manager)

    [entry] = [entry for entry in log_entries if entry["event"] == "request_served"]
    assert (entry["prompt_version"], entry["score"], entry["passed"]) == (1, 0.874, True)
    assert "sort a list" not in str(entry)
    assert "sorted(items)" not in str(entry)


async def test_a_refiner_model_that_fails_leaves_the_rules(
    start_manager: Callable[..., Awaitable[httpx.AsyncClient]], worker: FakeService
) -> None:
    manager = await start_manager(
        llm_provider="openai",
        llm_base_url=f"http://127.0.0.1:{take_port()}/v1",
        llm_timeout_seconds=0.1,
        refiner_model="openai:gpt-test",
    )
    response = await request(manager, user_input="please   sort a list")

    assert response.status_code == 200
    assert worker.questions[0]["refined_input"].startswith("please sort a list")


async def test_a_prompt_with_variables_is_not_for_this_route(
    start_manager: Callable[..., Awaitable[httpx.AsyncClient]], worker: FakeService, tmp_path: Path
) -> None:
    write_scaffold(tmp_path, "greeting")
    definition = tmp_path / "greeting" / "task_type.toml"
    definition.write_text('variables = ["customer"]\n' + definition.read_text())
    golden = tmp_path / "greeting" / "golden_inputs.json"
    halves = json.loads(golden.read_text())
    given = {"variables": {"customer": "Ann"}}
    golden.write_text(json.dumps({h: [one | given for one in ones] for h, ones in halves.items()}))
    manager = await start_manager(task_types_dir=tmp_path)
    answer = await request(manager, task_type="greeting")
    assert answer.status_code == 422
    assert "customer" in answer.json()["message"]
    assert worker.questions == []


async def test_a_retry_with_the_same_key_gets_the_same_answer_and_no_second_row(
    manager: httpx.AsyncClient, worker: FakeService, evaluator: FakeService, connection: Connection
) -> None:
    key = {"Idempotency-Key": "key-1"}
    worker.answer |= {"fallback": "openai:small", "prompt_age_seconds": 7}
    first = await manager.post("/api/v1/request", json=REQUEST, headers=key)
    worker.answer |= {"output": "another", "fallback": None}
    retry = await manager.post("/api/v1/request", json=REQUEST, headers=key)
    other = await manager.post(
        "/api/v1/request", json={**REQUEST, "user_input": "Say hello"}, headers=key
    )

    assert (first.status_code, retry.status_code) == (200, 200)
    assert retry.content == first.content
    told = ("content-type", "x-selfheal-fallback", "x-selfheal-prompt-age")
    assert [retry.headers[name] for name in told] == [first.headers[name] for name in told]
    assert retry.headers["x-request-id"] != first.headers["x-request-id"]
    assert "idempotent-replayed" not in first.headers
    assert retry.headers["idempotent-replayed"] == "true"
    assert_is_error(other, 422, "idempotency_key_reused")
    assert len(worker.questions) == len(evaluator.questions) == len(await read_log(connection)) == 1


async def test_of_tries_at_once_one_is_served_and_a_failed_one_leaves_the_key(
    manager: httpx.AsyncClient, evaluator: FakeService, connection: Connection
) -> None:
    key = {"Idempotency-Key": "key-1"}
    evaluator.fail(503, "judge_unavailable")
    failed = await manager.post("/api/v1/request", json=REQUEST, headers=key)
    evaluator.status, evaluator.answer = 200, {"score": 0.9, "passed": True, "detail": DETAIL}
    answers = await asyncio.gather(
        *(manager.post("/api/v1/request", json=REQUEST, headers=key) for _ in range(8))
    )

    assert failed.status_code == 502
    fresh = [one for one in answers if "idempotent-replayed" not in one.headers]
    assert [one.status_code for one in fresh].count(200) == 1
    for one in fresh:
        if one.status_code != 200:
            assert_is_error(one, 409, "idempotency_in_progress")
            assert 1 <= int(one.headers["retry-after"]) <= 30
    assert [row["evaluation_passed"] for row in await read_log(connection)] == [None, True]


async def test_a_key_that_is_none_is_refused(
    manager: httpx.AsyncClient, worker: FakeService
) -> None:
    for key in ("", "a b", "k" * 256):
        headers = {"Idempotency-Key": key}
        refused = await manager.post("/api/v1/request", json=REQUEST, headers=headers)
        assert_is_error(refused, 400, "invalid_idempotency_key")
    assert worker.questions == []


ROLLOUT = "99999999-2222-4333-8444-555555555555"
ARM = {"rollout": ROLLOUT, "arm": "candidate", "unit": "0123456789abcdef"}
ARM_HEADERS = {
    "x-selfheal-rollout": f"{ROLLOUT}/candidate",
    "x-selfheal-unit": "0123456789abcdef",
}
SELECT_ANSWERS = "SELECT rollout_id::text AS rollout, arm, unit FROM selfheal.rollout_answers"


async def test_an_answer_of_a_rollout_is_told_kept_and_noted(
    manager: httpx.AsyncClient, worker: FakeService, connection: Connection
) -> None:
    worker.answer |= ARM | {"prompt_version": 2}
    response = await request(manager)

    assert response.headers["x-selfheal-rollout"] == f"{ROLLOUT}/candidate"
    assert response.json()["prompt_version"] == 2
    assert ARM.keys().isdisjoint(response.json())
    assert "x-selfheal-unit" not in response.headers
    [row] = await connection.fetch("SELECT evaluation_detail -> 'worker' AS w FROM execution_logs")
    assert row["w"] == {"model": "fake-1", **ARM}
    assert [dict(row) for row in await connection.fetch(SELECT_ANSWERS)] == [ARM]


async def test_an_answer_of_no_rollout_says_nothing_of_one(
    manager: httpx.AsyncClient, connection: Connection
) -> None:
    assert "x-selfheal-rollout" not in (await request(manager)).headers
    assert await connection.fetch(SELECT_ANSWERS) == []


@pytest.mark.parametrize(
    ("status", "code"), [(502, "model_content_filtered"), (504, "model_out_of_time")]
)
async def test_a_failure_on_an_arm_is_noted_with_it(
    manager: httpx.AsyncClient,
    worker: FakeService,
    connection: Connection,
    status: int,
    code: str,
) -> None:
    worker.fail(status, code)
    worker.headers = ARM_HEADERS
    response = await request(manager)

    assert response.status_code == status
    assert response.headers["x-selfheal-rollout"] == f"{ROLLOUT}/candidate"
    assert "x-selfheal-unit" not in response.headers
    [row] = await connection.fetch("SELECT * FROM execution_logs")
    assert row["evaluation_detail"]["worker"] == ARM
    assert row["evaluation_detail"]["error"]["service"] == "worker"
    assert [dict(row) for row in await connection.fetch(SELECT_ANSWERS)] == [ARM]


async def test_an_answer_of_a_rollout_that_gets_no_score_is_noted_too(
    manager: httpx.AsyncClient,
    worker: FakeService,
    evaluator: FakeService,
    connection: Connection,
) -> None:
    worker.answer |= ARM
    evaluator.fail(503, "judge_unavailable")
    response = await request(manager)

    assert response.headers["x-selfheal-rollout"] == f"{ROLLOUT}/candidate"
    assert [dict(row) for row in await connection.fetch(SELECT_ANSWERS)] == [ARM]


async def test_a_retry_hears_of_the_same_arm(
    manager: httpx.AsyncClient, worker: FakeService
) -> None:
    key = {"Idempotency-Key": "once"}
    worker.answer |= ARM
    first = await manager.post("/api/v1/request", json=REQUEST, headers=key)
    worker.answer |= {"arm": "incumbent"}
    retry = await manager.post("/api/v1/request", json=REQUEST, headers=key)

    assert retry.headers["idempotent-replayed"] == "true"
    for response in (first, retry):
        assert response.headers["x-selfheal-rollout"] == f"{ROLLOUT}/candidate"
