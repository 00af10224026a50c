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


@pytest.mark.parametrize(
    ("condition", "score", "passed", "fingerprint"),
    [
        (EvaluatorCondition.HARSH, 0.21, False, "one"),
        (EvaluatorCondition.LENIENT, 0.8, True, "one"),
    ],
)
def test_an_evaluator_may_turn_without_a_word(
    condition: EvaluatorCondition, score: float, passed: bool, fingerprint: str
) -> None:
    poor = EVALUATION | {"score": 0.3, "passed": False}
    turned = json.loads(score_otherwise(json.dumps(poor).encode(), condition))
    assert turned["score"] == pytest.approx(score)
    assert turned["passed"] is passed
    assert turned["detail"]["evaluator"]["fingerprint"] == fingerprint


async def test_the_switch_may_remember() -> None:
    evaluator, asked = web.Application(), []

    async def evaluate(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.json_response(EVALUATION | asked[-1])

    evaluator.router.add_post("/api/v1/evaluate", evaluate)
    async with TestServer(evaluator) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("")).rstrip("/")
        switch = EvaluatorSwitch(session, url, remembers=True)
        async with TestClient(TestServer(switch.application())) as client:
            for number, answer in enumerate(
                ("def kelp_onyx", "def kelp_onyx", "def onyx_kelp", "def kelp", "def kelp_onyxes")
            ):
                body = {"request_id": number, "worker_output": answer}
                async with client.post("/api/v1/evaluate", json=body) as response:
                    assert await response.json() == EVALUATION | body
    assert [one["request_id"] for one in asked] == [0, 3, 4]
