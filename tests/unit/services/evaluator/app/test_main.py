"""The Evaluator as a whole: which judge may serve, and what it says of its own condition."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response

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


def exchange(client: TestClient, *records: dict[str, object], token: str = "token") -> Response:
    headers = {"X-Internal-Token": token}
    return client.post("/api/v1/records", json={"records": records}, headers=headers)


def calibration_record(settings: Settings, *, kappa: float, minute: int) -> dict[str, object]:
    store_calibration(settings, kappa=kappa)
    store = CalibrationStore(settings.selfheal_home)
    (calibration,) = store.load_all()
    store.path.unlink()
    moment = f"2026-01-02T03:{minute:02}:00Z"
    return {
        "kind": "calibration",
        "identity": calibration.identity,
        "record": asdict(calibration) | {"calibrated_at": moment},
        "recorded_at": moment,
    }


def test_what_another_evaluator_knows_of_the_judge_counts_here_too(
    make_settings: Callable[..., Settings],
) -> None:
    settings = make_settings(judge_model="local:tiny", internal_token="token")
    bad = calibration_record(settings, kappa=0.1, minute=1)
    good = calibration_record(settings, kappa=0.7, minute=2)
    with TestClient(create_evaluator(settings)) as client:
        assert client.get("/health/ready").json()["calibration"] is None
        assert exchange(client, bad).json() == {"records": [bad]}
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["calibration"]["kappa"]) == (503, 0.1)
        assert "JUDGE_ALLOW_UNRELIABLE" in answer.json()["problem"]
        exchange(client, good)
        assert client.get("/health/ready").status_code == 200
        assert exchange(client, bad).json() == {"records": [good]}
    create_evaluator(settings)


@pytest.mark.parametrize("own", ["token", None])
def test_records_are_for_who_has_the_token(
    make_settings: Callable[..., Settings], own: str | None
) -> None:
    with TestClient(create_evaluator(make_settings(internal_token=own))) as client:
        assert exchange(client, token="another").status_code == 403
        assert exchange(client, token="").status_code == 403
