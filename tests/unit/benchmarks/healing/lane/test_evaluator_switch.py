import json

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from benchmarks.healing.lane.evaluator_switch import (
    EvaluatorCondition,
    EvaluatorSwitch,
    score_otherwise,
)

EVALUATION = {
    "score": 0.9,
    "passed": True,
    "detail": {"evaluator": {"fingerprint": "one"}, "rules": []},
}


def test_a_stricter_evaluator_has_another_fingerprint() -> None:
    strict = json.loads(
        score_otherwise(json.dumps(EVALUATION).encode(), EvaluatorCondition.CHANGED)
    )
    assert strict["score"] == pytest.approx(0.63)
    assert strict["passed"] is False
    assert strict["detail"]["evaluator"]["fingerprint"] != "one"
    assert strict["detail"]["rules"] == []


def test_an_error_stays_as_it_is() -> None:
    assert (
        score_otherwise(b'{"code": "unscored"}', EvaluatorCondition.CHANGED)
        == b'{"code": "unscored"}'
    )


async def test_the_switch_passes_on_refuses_and_changes() -> None:
    evaluator = web.Application()

    tokens: list[str | None] = []

    async def evaluate(request: web.Request) -> web.Response:
        tokens.append(request.headers.get("X-Internal-Token"))
        return web.json_response(EVALUATION)

    evaluator.router.add_post("/api/v1/evaluate", evaluate)
    async with TestServer(evaluator) as server, aiohttp.ClientSession() as session:
        switch = EvaluatorSwitch(session, str(server.make_url("")).rstrip("/"))
        async with TestClient(TestServer(switch.application())) as client:
            headers = {"X-Internal-Token": "open sesame"}

            async def ask() -> float:
                async with client.post("/api/v1/evaluate", json={}, headers=headers) as response:
                    return float((await response.json())["score"])

            assert await ask() == 0.9
            assert tokens == ["open sesame"]
            switch.condition = EvaluatorCondition.CHANGED
            assert await ask() == pytest.approx(0.63)
            switch.condition = EvaluatorCondition.DOWN
            with pytest.raises(aiohttp.ClientError):
                await ask()
