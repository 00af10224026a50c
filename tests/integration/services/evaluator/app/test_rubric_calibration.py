"""The rubric judge on the labelled set, with code really run: what it may not fall behind."""

import pytest

from services.common.config import Settings
from services.evaluator.app.services.calibration import Calibration
from services.evaluator.app.services.calibration_run import run_calibration
from services.evaluator.app.services.calibration_set import load_canaries, load_labelled_answers
from services.evaluator.app.services.canary import CanaryRun, run_canary
from services.evaluator.app.wiring import create_evaluation


async def measure() -> tuple[Calibration, CanaryRun]:
    settings = Settings(_env_file=None, llm_provider="simulated", judge_model="rubric")
    evaluation = create_evaluation(settings)
    await evaluation.start()
    try:
        if not evaluation.availability.is_available:
            pytest.skip(f"code isn't run on this machine: {evaluation.availability.problem}")
        calibration = await run_calibration(
            evaluation.evaluate,
            evaluation.judge.identity,
            load_labelled_answers(),
            calibrated_at="",
            report_progress=lambda done, total: None,
        )
        return calibration, await run_canary(evaluation.evaluate, load_canaries())
    finally:
        await evaluation.close()


async def test_the_rubric_tells_right_from_wrong_and_can_not_be_told_what_to_say() -> None:
    calibration, canary = await measure()
    assert calibration.graded == calibration.items
    assert calibration.kappa is not None
    assert calibration.kappa >= 0.6
    assert calibration.susceptibility is not None
    assert abs(calibration.susceptibility.largest) <= 0.02
    assert canary.agreement == 1.0, canary.wrong
