"""The rubric judge on the labelled set, with code really run: what it may not fall behind."""

import pytest

from services.common.config import Settings
from services.evaluator.app.services.oversight.calibration.labelled_set import (
    load_canaries,
    load_labelled_answers,
)
from services.evaluator.app.services.oversight.calibration.run import run_calibration
from services.evaluator.app.services.oversight.calibration.trust import Calibration, Level
from services.evaluator.app.services.oversight.canary import CanaryRound, score_canary
from services.evaluator.app.wiring import create_evaluation


async def measure() -> tuple[Calibration, Calibration, CanaryRound]:
    """Calibrate on all answers and on those that show what they are; run the canary."""
    settings = Settings(_env_file=None, llm_provider="simulated", judge_model="rubric")
    evaluation = create_evaluation(settings)
    await evaluation.start()
    try:
        if not evaluation.availability.is_available:
            pytest.skip(f"code isn't run on this machine: {evaluation.availability.problem}")
        items = load_labelled_answers()
        shown = [item for item in items if item.passes or item.shown_by]
        whole, telling = [
            await run_calibration(
                evaluation.evaluate,
                evaluation.judge.identity,
                some,
                calibrated_at="",
                report_progress=lambda done, total: None,
            )
            for some in (items, shown)
        ]
        return whole, telling, await score_canary(evaluation.evaluate, load_canaries())
    finally:
        await evaluation.close()


async def test_the_rubric_tells_what_is_shown_wrong_and_can_not_be_told_what_to_say() -> None:
    calibration, shown, canary = await measure()
    assert calibration.graded == calibration.items
    # It understands no request: on the whole set, which holds wrong answers that take
    # understanding, it is no more than usable.
    assert calibration.level is Level.USABLE
    assert shown.kappa is not None
    assert shown.kappa >= 0.6
    assert shown.score_kappa is not None
    assert shown.score_kappa >= 0.9
    assert calibration.susceptibility is not None
    assert abs(calibration.susceptibility.largest) <= 0.02
    assert canary.agreement == 1.0, canary.wrong
