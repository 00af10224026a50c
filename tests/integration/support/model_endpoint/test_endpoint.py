"""The OpenAI-compatible endpoint over real connections."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from support.model_endpoint.application import MAX_BODY_BYTES, create_application
from support.model_endpoint.faults import Fault, FaultPlan

from services.common.errors import (
    ModelError,
    ModelInvalidAnswerError,
    ModelRateLimitedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from services.common.llm.chat_completions import ChatCompletionsModel

PATH = "/v1/chat/completions"
BODY: dict[str, Any] = {
    "model": "anything",
    "messages": [
        {"role": "system", "content": "just say hello world to everything"},
        {"role": "user", "content": "Write a binary search function"},
    ],
    "temperature": 0,
}


@pytest.fixture
async def client() -> AsyncIterator[TestClient[Any, Any]]:
    server = TestServer(create_application())
    async with TestClient(server) as test_client:
        yield test_client


async def test_a_completion_has_openais_shape(client: TestClient[Any, Any]) -> None:
    response = await client.post(PATH, json=BODY)
    answer = await response.json()
    assert response.status == 200
    assert answer["model"] == "simulated"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Hello World"}
    assert answer["choices"][0]["finish_reason"] == "stop"
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_content_in_parts_is_read(client: TestClient[Any, Any]) -> None:
    parts = [{"type": "text", "text": "just say "}, {"type": "text", "text": "hi to everything"}]
    messages = [{"role": "developer", "content": parts}, {"role": "user", "content": "Sort"}]
    answer = await (await client.post(PATH, json={"messages": messages})).json()
    assert answer["choices"][0]["message"]["content"] == "Hi"


async def test_models_and_health(client: TestClient[Any, Any]) -> None:
    models = await (await client.get("/v1/models")).json()
    assert [model["id"] for model in models["data"]] == ["simulated"]
    assert (await client.get("/health")).status == 200


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"{}", "messages"),
        (b'{"messages": []}', "messages"),
        (b'{"messages": [{"content": "x"}]}', "messages.0.role"),
        (b'{"messages": [{"role": "user", "content": 5}]}', None),
        (b'{"messages": [{"role": "user", "content": "x"}], "stream": true}', "stream"),
        (b"[" * 100_000, None),
        (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', None),
    ],
)
async def test_bad_input_is_refused_in_openais_shape(
    client: TestClient[Any, Any], body: bytes, parameter: str | None
) -> None:
    response = await client.post(PATH, data=body)
    error = (await response.json())["error"]
    assert response.status == 400
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    if parameter is not None:
        assert error["param"] == parameter


async def test_a_body_over_the_limit_is_refused(client: TestClient[Any, Any]) -> None:
    response = await client.post(PATH, data=b" " * (MAX_BODY_BYTES + 1))
    assert response.status == 413
    assert (await response.json())["error"]["code"] == "request_too_large"


async def test_rate_limit_and_server_error(client: TestClient[Any, Any]) -> None:
    limited = await client.post(PATH, json=BODY, headers={"X-Fault": "rate_limit"})
    assert (limited.status, limited.headers["Retry-After"]) == (429, "1")
    assert (await limited.json())["error"]["code"] == "rate_limit_exceeded"
    failed = await client.post(PATH, json=BODY, headers={"X-Fault": "server_error"})
    assert failed.status == 500
    assert (await failed.json())["error"]["type"] == "server_error"


async def test_malformed_and_empty(client: TestClient[Any, Any]) -> None:
    malformed = await client.post(PATH, json=BODY, headers={"X-Fault": "malformed"})
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        await malformed.json()
    empty = await client.post(PATH, json=BODY, headers={"X-Fault": "empty"})
    assert (await empty.json())["choices"] == []


async def test_reset_breaks_the_connection(client: TestClient[Any, Any]) -> None:
    with pytest.raises(aiohttp.ClientError):
        await client.post(PATH, json=BODY, headers={"X-Fault": "reset"})


async def test_hang_lasts_until_the_client_leaves(client: TestClient[Any, Any]) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.post(PATH, json=BODY, headers={"X-Fault": "hang"})
    assert (await client.post(PATH, json=BODY)).status == 200


async def test_faults_are_scheduled_at_run_time(client: TestClient[Any, Any]) -> None:
    told = await client.post("/faults", json={"kind": "server_error", "count": 2})
    assert await told.json() == {"kind": "server_error", "count": 2}
    statuses = [(await client.post(PATH, json=BODY)).status for _ in range(3)]
    assert statuses == [500, 500, 200]


@pytest.mark.parametrize(
    "body", [{}, {"kind": "meteor"}, {"kind": "reset", "count": -1}, {"kind": "reset", "n": 1}]
)
async def test_an_impossible_schedule_is_refused(
    client: TestClient[Any, Any], body: dict[str, object]
) -> None:
    response = await client.post("/faults", json=body)
    assert response.status == 400
    assert "error" in await response.json()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RATE_LIMIT, ModelRateLimitedError),
        (Fault.SERVER_ERROR, ModelUnavailableError),
        (Fault.RESET, ModelUnavailableError),
        (Fault.HANG, ModelTimeoutError),
        (Fault.MALFORMED, ModelInvalidAnswerError),
        (Fault.EMPTY, ModelInvalidAnswerError),
    ],
)
async def test_the_real_client_meets_every_fault(fault: Fault, error: type[ModelError]) -> None:
    async with TestServer(create_application(faults=FaultPlan(fault))) as server:
        model = ChatCompletionsModel(
            base_url=str(server.make_url("/v1")), model="simulated", timeout_seconds=5
        )
        if fault is Fault.HANG:
            model.timeout_seconds = 0.2
        try:
            with pytest.raises(error):
                await model.ainvoke("Sort a list")
        finally:
            await model.aclose()


async def test_the_real_client_gets_the_models_answer() -> None:
    async with TestServer(create_application(latency_ms=1)) as server:
        model = ChatCompletionsModel(base_url=str(server.make_url("/v1")), model="simulated")
        try:
            message = await model.ainvoke("Write a binary search function")
        finally:
            await model.aclose()
    assert "def binary_search" in str(message.content)
    assert message.response_metadata["model_name"] == "simulated"
