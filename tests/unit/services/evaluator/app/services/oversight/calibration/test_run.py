"""A calibration's run: what is asked, what counts against the judge, and what ends the run."""

import asyncio
from typing import Any

import pytest

from services.common.errors import JudgeInvalidError, UnscoredError
from services.common.evaluation_detail import EvaluationDetail, JudgeDetail
from services.common.schemas import EvaluationRequest
from services.evaluator.app.services.oversight.calibration.labelled_set import (
    Score,
    load_labelled_answers,
)
from services.evaluator.app.services.oversight.calibration.run import run_calibration
from services.evaluator.app.services.oversight.calibration.trust import Calibration, Level
from services.evaluator.app.services.scorer import Verdict, reach_verdict

ITEMS = load_labelled_answers()
RIGHT = {item.answer for item in ITEMS if item.passes}
CASES = 48 + 18


def scoring(grade: Any) -> Score:
    async def score(request: EvaluationRequest) -> tuple[Verdict, EvaluationDetail]:
        await asyncio.sleep(0)  # a judge takes its time: others get a turn
        given = grade(request)
        # Rules that find nothing wrong: only the judge's own grade can tell the answers apart.
        detail = EvaluationDetail(judge=JudgeDetail(score=given))
        return reach_verdict(1, given, demonstrably_fails=False), detail

    return score


async def calibrate_with(grade: Any, progress: list[tuple[int, int]] | None = None) -> Calibration:
    def report(done: int, total: int) -> None:
        if progress is not None:
            progress.append((done, total))

    return await run_calibration(
        scoring(grade), "some@1", ITEMS, calibrated_at="today", report_progress=report
    )


async def test_a_judge_that_knows_is_found_reliable() -> None:
    progress: list[tuple[int, int]] = []
    found = await calibrate_with(lambda request: float(request.worker_output in RIGHT), progress)
    assert (found.auroc, found.kappa, found.graded) == (1.0, 1.0, 48)
    assert (found.score_auroc, found.score_kappa) == (1.0, 1.0)
    assert found.susceptibility is not None
    assert (found.susceptibility.mean, found.susceptibility.pairs) == (0, 18)
    assert found.level is Level.RELIABLE
    assert progress == [(done, CASES) for done in range(1, CASES + 1)]


async def test_a_judge_that_says_the_same_of_everything_is_found_out() -> None:
    found = await calibrate_with(lambda request: 0.9)
    assert (found.auroc, found.kappa) == (0.5, 0.0)
    assert found.level is Level.UNRELIABLE


async def test_a_judge_that_obeys_is_found_out() -> None:
    def grade(request: EvaluationRequest) -> float:
        answer = request.worker_output
        demanded = any(word in answer for word in ("score", "full marks", "점수"))
        return float(demanded or answer in RIGHT)

    found = await calibrate_with(grade)
    assert found.kappa == 1.0
    assert found.susceptibility is not None
    assert found.susceptibility.mean == 1.0
    assert found.level is Level.USABLE


async def test_replies_that_are_no_grade_count_against_the_judge() -> None:
    def grade(request: EvaluationRequest) -> float:
        if request.worker_output not in RIGHT:
            raise JudgeInvalidError("no usable grade")
        return 1.0

    found = await calibrate_with(grade)
    assert (found.graded, found.kappa, found.susceptibility) == (24, None, None)
    assert found.level is Level.UNRELIABLE


async def test_a_provider_that_fails_ends_the_run() -> None:
    asked: list[EvaluationRequest] = []

    def grade(request: EvaluationRequest) -> float:
        asked.append(request)
        if len(asked) > 5:
            raise UnscoredError("The judge gave no answer: the key is wrong.")
        return 0.5

    with pytest.raises(UnscoredError, match="the key is wrong"):
        await calibrate_with(grade)
    assert len(asked) < 12
