"""The Evaluator as a whole: which judge may serve, and what it says of its own condition."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from services.common.config import Settings
from services.evaluator.app.main import create_evaluator
from services.evaluator.app.services.oversight.calibration.store import CalibrationStore
from services.evaluator.app.services.oversight.calibration.trust import (
    Calibration,
    UnreliableJudgeError,
)
from services.evaluator.app.wiring import create_judge


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    def make(**values: object) -> Settings:
        return Settings(_env_file=None, selfheal_home=tmp_path, sandbox="off", **values)  # type: ignore[arg-type]

    return make


def store_calibration(settings: Settings, *, kappa: float) -> None:
    calibration = Calibration(
        identity=create_judge(settings).identity,
        items=48,
        graded=48,
        auroc=0.5,
        kappa=kappa,
        susceptibility=None,
        calibrated_at="2026-01-02T03:04:05+00:00",
    )
    CalibrationStore(settings.selfheal_home).keep(calibration)


def test_a_judge_that_was_found_unreliable_is_refused(
    make_settings: Callable[..., Settings],
) -> None:
    settings = make_settings(judge_model="local:tiny")
    store_calibration(settings, kappa=0.39)
    with pytest.raises(UnreliableJudgeError, match="JUDGE_ALLOW_UNRELIABLE"):
        create_evaluator(settings)


@pytest.mark.parametrize("values", [{"judge_allow_unreliable": True}, {"judge_model": "rubric"}])
def test_it_serves_where_the_operator_insists_or_another_judges(
    make_settings: Callable[..., Settings], values: dict[str, object]
) -> None:
    store_calibration(make_settings(judge_model="local:tiny"), kappa=0.1)
    create_evaluator(make_settings(**{"judge_model": "local:tiny", **values}))


def test_it_says_how_its_judge_was_calibrated(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(judge_model="local:tiny")
    store_calibration(settings, kappa=0.5)
    with TestClient(create_evaluator(settings)) as client:
        calibration = client.get("/health/ready").json()["calibration"]
    assert (calibration["level"], calibration["kappa"]) == ("usable", 0.5)
    assert "0.50 (Cohen's kappa)" in calibration["summary"]


def test_it_says_who_judges_and_whether_code_is_run(
    make_settings: Callable[..., Settings],
) -> None:
    with TestClient(create_evaluator(make_settings())) as client:
        condition = client.get("/health/ready").json()
        metrics = client.get("/metrics").text
    assert condition["status"] == "ready"
    assert condition["degraded"] is False
    assert condition["canary"]["state"] in ("waiting", "steady")
    assert condition["sandbox"] == {
        "backend": "none",
        "problem": "running code is switched off (SANDBOX=off)",
        "layers": [],
    }
    assert (condition["judge"], condition["calibration"]) == ("rubric", None)
    fingerprint = condition["fingerprint"]
    assert f'agent_evaluator_info{{fingerprint="{fingerprint}",judge="rubric"}} 1.0' in metrics
    assert "agent_evaluator_degraded 0.0" in metrics
    assert "agent_sandbox_available 0.0" in metrics
