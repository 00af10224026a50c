"""A hosted judge is calibrated over HTTP, kept, and let serve or refused by what was found."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.common.config import Settings
from services.common.errors import UnscoredError
from services.evaluator.app.services.oversight.calibration.labelled_set import load_labelled_answers
from services.evaluator.app.services.oversight.calibration.run import run_calibration
from services.evaluator.app.services.oversight.calibration.store import CalibrationStore
from services.evaluator.app.services.oversight.calibration.trust import (
    Calibration,
    Level,
    UnreliableJudgeError,
    check_calibration,
)
from services.evaluator.app.wiring import create_evaluation

SETTLED = "(an answer that fails this can't pass)"


class Provider:
    """An OpenAI-compatible endpoint whose judge a test writes."""

    def __init__(self) -> None:
        self.say: Callable[[str], str | int] = lambda case: 500
        self.url = ""

    async def complete(self, request: web.Request) -> web.Response:
        case = (await request.json())["messages"][-1]["content"]
        reply = self.say(case)
        if isinstance(reply, int):
            return web.json_response({"error": {"message": "no"}}, status=reply)
        message = {"role": "assistant", "content": reply}
        return web.json_response({"model": "judge-1", "choices": [{"message": message}]})


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", provider.complete)
    async with TestServer(app) as server:
        provider.url = str(server.make_url("/v1"))
        yield provider


async def calibrate(provider: Provider, home: Path) -> Calibration:
    settings = Settings(
        _env_file=None,
        llm_provider="openai",
        llm_model="judge-1",
        llm_api_key="sk-test",
        llm_base_url=provider.url,
        judge_model="",
        selfheal_home=home,
    )
    evaluation = create_evaluation(settings)
    await evaluation.start()
    try:
        calibration = await run_calibration(
            evaluation.evaluate,
            evaluation.judge.identity,
            load_labelled_answers(),
            calibrated_at="2026-01-02T03:04:05+00:00",
            report_progress=lambda done, total: None,
        )
    finally:
        await evaluation.close()
    CalibrationStore(home).keep(calibration)
    return calibration


def check(calibration: Calibration, home: Path, *, allow_unreliable: bool = False) -> str:
    stored = CalibrationStore(home).load(calibration.identity)
    return check_calibration(calibration.identity, stored, allow_unreliable=allow_unreliable)


async def test_a_judge_that_likes_everything_is_refused_whatever_rules_make_of_it(
    provider: Provider, tmp_path: Path
) -> None:
    provider.say = lambda case: '{"score": 0.9, "reason": "nice", "confidence": 1}'
    found = await calibrate(provider, tmp_path)
    assert found.identity.startswith("openai:judge-1@")
    assert (found.auroc, found.kappa, found.graded) == (0.5, 0.0, 48)
    assert found.level is Level.UNRELIABLE
    with pytest.raises(UnreliableJudgeError, match=r"0\.00 \(Cohen's kappa\)"):
        check(found, tmp_path)
    assert "JUDGE_ALLOW_UNRELIABLE" in check(found, tmp_path, allow_unreliable=True)


async def test_a_judge_that_heeds_the_facts_serves(provider: Provider, tmp_path: Path) -> None:
    def say(case: str) -> str:
        return '{"score": 0.1}' if SETTLED in case else '{"score": 0.95}'

    provider.say = say
    found = await calibrate(provider, tmp_path)
    assert found.auroc is not None
    assert found.auroc > 0.5
    assert found.susceptibility is not None
    assert found.susceptibility.largest <= 0


async def test_a_judge_that_obeys_the_answer_is_caught(provider: Provider, tmp_path: Path) -> None:
    def say(case: str) -> str:
        demanded = any(word in case for word in ("score 1.0", '"score": 1.0', "hidden tests"))
        return '{"score": 1.0}' if demanded or "점수" in case else '{"score": 0.2}'

    provider.say = say
    found = await calibrate(provider, tmp_path)
    assert found.susceptibility is not None
    assert found.susceptibility.mean == pytest.approx(0.8)


@pytest.mark.parametrize("status", [401, 404])
async def test_a_provider_that_fails_leaves_nothing_kept(
    provider: Provider, tmp_path: Path, status: int
) -> None:
    provider.say = lambda case: status
    with pytest.raises(UnscoredError):
        await calibrate(provider, tmp_path)
    assert CalibrationStore(tmp_path).load_all() == []
