"""A sandbox that comes late, or goes and comes back, without a restart."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typing_extensions import override

from services.common.config import Settings
from services.common.errors import UnscoredError
from services.common.schemas import EvaluationRequest
from services.evaluator.app import main
from services.evaluator.app.sandbox import NoSandbox
from services.evaluator.app.sandbox.run.execution import Availability, Execution, StepResult
from services.evaluator.app.sandbox.run.records import unavailable
from services.evaluator.app.sandbox.run.request import Step
from services.evaluator.app.sandbox.sandbox import FirstAvailable, Sandbox
from services.evaluator.app.sandbox_watch import SandboxWatch
from services.evaluator.app.services import evaluation as evaluation_module
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.services.judging.judge import RubricJudge

REQUEST = EvaluationRequest(
    request_id="11111111-2222-4333-8444-555555555555",  # type: ignore[arg-type]
    task_type="code_generation",
    user_input="Write a function that returns 1",
    refined_input="Write a function that returns 1",
    worker_output="```python\ndef one() -> int:\n    return 1\n```",
)


class Switched(Sandbox):
    """Runs code, so to speak, while it is on."""

    def __init__(self, *, is_on: bool) -> None:
        self.is_on = is_on
        self.starts = 0
        self._availability = Availability("none", problem="not started")

    @property
    @override
    def availability(self) -> Availability:
        return self._availability

    @override
    async def start(self) -> Availability:
        self.starts += 1
        self._availability = (
            Availability("jail") if self.is_on else Availability("none", problem="no fork")
        )
        return self._availability

    @override
    async def run(self, source: str, steps: Sequence[Step]) -> Execution:
        if not self.is_on:
            return unavailable("it ended", len(steps))
        results = tuple(StepResult("value", 42) for _ in steps)
        return Execution("finished", loaded=True, steps=results)

    @override
    async def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_module, "RUN_RETRY_SECONDS", 0)


def watch(sandbox: Sandbox) -> tuple[Evaluation, SandboxWatch, list[str]]:
    evaluation = Evaluation(RubricJudge(), sandbox=sandbox)
    found: list[str] = []
    on_found = lambda: found.append(evaluation.fingerprint_of("code_generation"))  # noqa: E731
    return evaluation, SandboxWatch(evaluation, on_found=on_found), found


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: FirstAvailable([one])])
async def test_one_that_fails_at_first_is_had_without_a_restart(wrap: type[Sandbox]) -> None:
    switched = Switched(is_on=False)
    evaluation, sandbox_watch, found = watch(wrap(switched))  # type: ignore[call-arg]
    await evaluation.start()
    before = evaluation.fingerprint_of("code_generation")
    assert not await sandbox_watch.try_again()
    assert evaluation.obstacle == ""  # it is what it was at the start
    switched.is_on = True
    assert await sandbox_watch.try_again()
    assert evaluation.availability.backend == "jail"
    assert found == [evaluation.fingerprint_of("code_generation")] != [before]
    assert await sandbox_watch.try_again()
    assert switched.starts == 3


async def test_one_that_is_lost_is_an_obstacle_until_it_is_back() -> None:
    switched = Switched(is_on=True)
    evaluation, sandbox_watch, found = watch(switched)
    await evaluation.start()
    switched.is_on = False
    with pytest.raises(UnscoredError):
        await evaluation.evaluate(REQUEST)
    assert evaluation.obstacle == "The sandbox was lost: it ended."
    assert not await sandbox_watch.try_again()
    assert evaluation.availability.is_available  # else scores would be another evaluator's
    switched.is_on = True
    assert await sandbox_watch.try_again()
    assert (evaluation.obstacle, found, switched.starts) == ("", [], 1)


async def test_one_that_is_switched_off_stays_off() -> None:
    evaluation, sandbox_watch, found = watch(NoSandbox("switched off"))
    assert not await sandbox_watch.try_again()
    assert (evaluation.obstacle, found) == ("", [])


def test_one_that_is_lost_makes_the_evaluator_not_ready(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    switched = Switched(is_on=True)
    evaluation = Evaluation(RubricJudge(), sandbox=switched)
    monkeypatch.setattr(main, "create_evaluation", lambda *_: evaluation)
    # The canary's round would find out as well.
    monkeypatch.setattr(main, "load_canaries", list)
    settings = Settings(_env_file=None, selfheal_home=tmp_path)  # type: ignore[call-arg]
    with TestClient(main.create_evaluator(settings)) as client:
        assert client.get("/health/ready").json()["sandbox"]["backend"] == "jail"
        switched.is_on = False
        answer = client.post("/api/v1/evaluate", json=REQUEST.model_dump(mode="json"))
        assert answer.status_code == 503
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["sandbox"]["backend"]) == (503, "jail")
        assert answer.json()["problem"] == "The sandbox was lost: it ended."
        switched.is_on = True
        client.post("/api/v1/evaluate", json=REQUEST.model_dump(mode="json"))
        assert client.get("/health/ready").status_code == 200
