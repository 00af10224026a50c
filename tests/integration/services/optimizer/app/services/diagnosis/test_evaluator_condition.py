"""How the Evaluator is, asked over HTTP."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.clock import Clock

from services.optimizer.app.services.diagnosis.evaluator_condition import (
    DEGRADED,
    DOWN,
    FRESH_SECONDS,
    EvaluatorCondition,
    EvaluatorWatch,
)


class Evaluator:
    """Answers with what it is told to; with a failure where that is nothing."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: object = {"status": "ready", "degraded": False}

    async def tell(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response(self.answer) if self.answer else web.Response(text="<html>")


@pytest.fixture
def evaluator() -> Evaluator:
    return Evaluator()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def watch(evaluator: Evaluator, clock: Clock) -> AsyncIterator[EvaluatorWatch]:
    application = web.Application()
    application.router.add_get("/health/ready", evaluator.tell)
    async with TestServer(application) as server, aiohttp.ClientSession() as session:
        yield EvaluatorWatch(session, str(server.make_url("/")), clock)


async def test_it_is_asked_anew_once_its_answer_is_old(
    watch: EvaluatorWatch, evaluator: Evaluator, clock: Clock
) -> None:
    assert await watch.find_condition() == EvaluatorCondition()
    evaluator.answer = {"degraded": True, "canary": {"leaning": "lenient"}}
    assert await watch.find_condition() == EvaluatorCondition()
    clock.now += FRESH_SECONDS
    assert await watch.find_condition() == EvaluatorCondition(DEGRADED, "lenient")
    assert evaluator.asked == 2


@pytest.mark.parametrize(
    "answer",
    [
        {"degraded": True},
        {"degraded": True, "canary": None},
        {"degraded": True, "canary": {"leaning": "sideways"}},
        {"degraded": True, "canary": {"leaning": 7}},
    ],
)
async def test_which_way_it_errs_may_be_unknown(
    watch: EvaluatorWatch, evaluator: Evaluator, answer: object
) -> None:
    evaluator.answer = answer
    assert await watch.find_condition() == EvaluatorCondition(DEGRADED)


async def test_it_is_down_once_it_gave_no_answer_twice_in_a_row(
    watch: EvaluatorWatch, evaluator: Evaluator, clock: Clock
) -> None:
    well = evaluator.answer
    states = []
    for answer in (None, well, None, None, well):
        evaluator.answer = answer
        states.append((await watch.find_condition()).state)
        clock.now += FRESH_SECONDS
    assert states == ["well", "well", "well", DOWN, "well"]
