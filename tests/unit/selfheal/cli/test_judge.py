"""`selfheal judge`: what is measured is printed and kept, and what fails is not."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from selfheal.cli import judge, terminal
from selfheal.cli.main import app
from services.common.config import Settings
from services.common.errors import ServiceError, UnscoredError
from services.common.evaluation_detail import EvaluationDetail, JudgeDetail
from services.common.oversight.records import EvaluatorRecord
from services.common.schemas import EvaluationRequest
from services.evaluator.app.services.oversight.calibration.labelled_set import load_labelled_answers
from services.evaluator.app.services.oversight.calibration.store import CalibrationStore
from services.evaluator.app.services.scorer import Verdict, reach_verdict

RIGHT = {item.answer for item in load_labelled_answers() if item.passes}
Run = Callable[..., tuple[int, str, str]]


class FakeEvaluation:
    judge = SimpleNamespace(name="openai:some", identity="openai:some@abc")
    availability = SimpleNamespace(problem="")

    def __init__(self) -> None:
        self.knows = True
        self.fails: ServiceError | None = None
        self.asked_for = ""

    async def evaluate(self, request: EvaluationRequest) -> tuple[Verdict, EvaluationDetail]:
        if self.fails is not None:
            raise self.fails
        grade = float(request.worker_output in RIGHT) if self.knows else 0.8
        detail = EvaluationDetail(judge=JudgeDetail(score=grade))
        return reach_verdict(1, grade, demonstrably_fails=False), detail


@pytest.fixture
def evaluation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeEvaluation:
    fake = FakeEvaluation()

    @asynccontextmanager
    async def open_fake(settings: Settings, *, judge: str) -> AsyncIterator[FakeEvaluation]:
        fake.asked_for = judge
        yield fake

    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SELFHEAL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(judge, "open_evaluation", open_fake)
    return fake


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, evaluation: FakeEvaluation) -> Run:
    def invoke(*arguments: str) -> tuple[int, str, str]:
        out, messages = io.StringIO(), io.StringIO()
        monkeypatch.setattr(judge, "output", Console(file=out, width=160))
        for module in (judge, terminal):
            monkeypatch.setattr(module, "messages", Console(file=messages, width=160))
        result = CliRunner().invoke(app, ["judge", *arguments])
        return result.exit_code, out.getvalue() + result.stdout, messages.getvalue()

    return invoke


def test_a_calibration_is_printed_kept_and_shown(
    run: Run, evaluation: FakeEvaluation, tmp_path: Path
) -> None:
    code, shown, messages = run("calibrate", "--judge", "openai:some")
    assert code == 0
    assert evaluation.asked_for == "openai:some"
    for part in ("openai:some@abc", "48 of 48", "1.000", "+0.000 on average", "Reliable: "):
        assert part in shown
    assert "judged 66 of 66 by openai:some" in messages
    stored = CalibrationStore(tmp_path / "home").load("openai:some@abc")
    assert stored is not None
    assert stored.kappa == 1.0
    code, again, _ = run("show")
    assert code == 0
    assert again == shown


def test_json_has_figures_and_verdict(run: Run, evaluation: FakeEvaluation) -> None:
    evaluation.knows = False
    code, shown, _ = run("calibrate", "--json")
    assert code == 0
    parsed = json.loads(shown)
    assert (parsed["auroc"], parsed["kappa"], parsed["level"]) == (0.5, 0.0, "unreliable")
    assert parsed["susceptibility"]["mean"] == 0
    code, shown, _ = run("show", "--json")
    assert json.loads(shown) == [parsed]


def test_a_provider_that_fails_is_a_sentence_and_keeps_nothing(
    run: Run, evaluation: FakeEvaluation, tmp_path: Path
) -> None:
    evaluation.fails = UnscoredError("The judge gave no answer: the key is wrong.")
    code, _, messages = run("calibrate")
    assert code == 1
    assert "the key is wrong. Nothing was kept." in messages
    assert not (tmp_path / "home").exists()


def test_a_judge_without_the_sandbox_is_measured_and_it_is_said(
    run: Run, evaluation: FakeEvaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "availability", SimpleNamespace(problem="no Landlock [x]"))
    code, _, messages = run("calibrate")
    assert code == 0
    assert "Code isn't run here, which the judge misses: no Landlock [x]" in messages


def test_nothing_measured_yet_says_what_to_do(run: Run) -> None:
    code, shown, messages = run("show")
    assert (code, shown) == (0, "")
    assert "selfheal judge calibrate" in messages
    assert json.loads(run("show", "--json")[1]) == []


def test_in_a_database_of_the_operators_own_it_is_kept_for_every_evaluator(
    run: Run, evaluation: FakeEvaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[EvaluatorRecord] = []

    async def keep(_: object, records: list[EvaluatorRecord]) -> None:
        kept.extend(records)

    def ask(_: Settings, question: Callable[[object], Coroutine[None, None, None]]) -> None:
        asyncio.run(question(None))

    monkeypatch.setattr(judge, "merge_records", keep)
    monkeypatch.setattr(judge, "ask_database", ask)
    assert run("calibrate")[0] == 0
    assert kept == []
    monkeypatch.setenv("DATABASE_URL", "postgresql://agent@db.example/agent_system")
    assert run("calibrate")[0] == 0
    (record,) = kept
    assert (record.kind, record.identity) == ("calibration", "openai:some@abc")
    assert record.record["kappa"] == 1.0
    assert record.recorded_at.isoformat() == record.record["calibrated_at"]


def test_where_it_cannot_be_kept_for_others_it_is_said_and_shown_all_the_same(
    run: Run, evaluation: FakeEvaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://agent@127.0.0.1:1/agent_system")
    code, shown, messages = run("calibrate")
    assert code == 0
    assert "Reliable: " in shown
    assert "Evaluators elsewhere don't hear of it: The database can't be used" in messages
