import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from benchmarks.healing.inputs import SIMULATED, read_pools
from benchmarks.healing.lane.model_endpoint import ModelCondition, ModelEndpoint, complete_simulated
from benchmarks.healing.lane.worse_model import is_spoilt

SPOILT = next(text for text in read_pools(SIMULATED).live if is_spoilt(text))


@pytest.fixture
def endpoint() -> ModelEndpoint:
    return ModelEndpoint(complete_simulated)


@pytest.fixture
async def client(endpoint: ModelEndpoint) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(endpoint.application())) as client:
        yield client


async def ask(client: TestClient[Any, Any], request: str = SPOILT) -> tuple[int, dict[str, Any]]:
    body = {
        "messages": [
            {"role": "system", "content": "Write Python code."},
            {"role": "user", "content": request},
        ]
    }
    async with client.post("/v1/chat/completions", json=body) as response:
        return response.status, await response.json()


async def test_it_answers_as_the_simulated_model_does(client: TestClient[Any, Any]) -> None:
    status, completion = await ask(client)
    assert status == 200
    assert "def " in completion["choices"][0]["message"]["content"]
    assert completion["model"] == "simulated"


@pytest.mark.parametrize(
    ("condition", "status"), [(ModelCondition.RATE_LIMITED, 429), (ModelCondition.BROKEN, 500)]
)
async def test_it_fails_as_it_is_told(
    endpoint: ModelEndpoint,
    client: TestClient[Any, Any],
    condition: ModelCondition,
    status: int,
) -> None:
    endpoint.condition = condition
    assert (await ask(client))[0] == status


async def test_it_hangs_as_it_is_told(
    endpoint: ModelEndpoint, client: TestClient[Any, Any]
) -> None:
    endpoint.condition = ModelCondition.HANGING
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await ask(client)


async def test_a_flaky_endpoint_fails_every_other_request_with_all_its_retries(
    endpoint: ModelEndpoint, client: TestClient[Any, Any]
) -> None:
    endpoint.condition = ModelCondition.FLAKY
    statuses = [(await ask(client, text))[0] for text in ("one", "two", "one", "two", "three")]
    assert statuses == [500, 200, 500, 200, 500]


async def test_a_worse_model_says_so(endpoint: ModelEndpoint, client: TestClient[Any, Any]) -> None:
    _, good = await ask(client)
    endpoint.condition = ModelCondition.WORSE
    _, worse = await ask(client)
    assert worse["model"] == "simulated-mini"
    assert worse["choices"][0]["message"]["content"] != good["choices"][0]["message"]["content"]


async def test_calls_are_counted_and_waited_for(
    endpoint: ModelEndpoint, client: TestClient[Any, Any]
) -> None:
    second = endpoint.after_calls(2)
    await ask(client)
    assert not second.is_set()
    await ask(client)
    assert second.is_set()
    assert endpoint.calls == 2


async def test_what_is_asked_again_while_it_remembers_costs_the_model_nothing(
    endpoint: ModelEndpoint, client: TestClient[Any, Any]
) -> None:
    asked: list[dict[str, Any]] = []

    async def complete(body: dict[str, Any]) -> dict[str, Any]:
        asked.append(body)
        return {"asked": len(asked)}

    endpoint.complete = complete
    with endpoint.remembering():
        answers = [await ask(client, text) for text in ("add", "count", "add")]
    assert [answer["asked"] for _, answer in answers] == [1, 2, 1]
    assert (await ask(client, "add"))[1] == {"asked": 3}
