"""`selfheal evaluate`: what it reads, what it prints, and its exit codes."""

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from selfheal.cli import evaluate, terminal
from selfheal.cli.main import app
from services.common.config import Settings
from services.common.errors import JudgeInvalidError, ServiceError
from services.common.evaluation_detail import EvaluationDetail
from services.common.llm.factory import ModelSettingError
from services.common.schemas import EvaluationRequest
from services.evaluator.app.services.scorer import Verdict, reach_verdict

Run = Callable[..., tuple[int, str, str]]


class FakeEvaluation:
    def __init__(self) -> None:
        self.grade = 0.9
        self.fails: ServiceError | None = None
        self.asked: list[EvaluationRequest] = []

    async def evaluate(self, request: EvaluationRequest) -> tuple[Verdict, EvaluationDetail]:
        self.asked.append(request)
        if self.fails is not None:
            raise self.fails
        verdict = reach_verdict(self.grade, self.grade, demonstrably_fails=False)
        return verdict, EvaluationDetail(rule_score=self.grade, judge_score=self.grade)


@pytest.fixture
def evaluation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeEvaluation:
    fake = FakeEvaluation()

    @asynccontextmanager
    async def open_fake(settings: Settings) -> AsyncIterator[FakeEvaluation]:
        yield fake

    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(evaluate, "open_evaluation", open_fake)
    return fake


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, evaluation: FakeEvaluation) -> Run:
    def invoke(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        out, messages = io.StringIO(), io.StringIO()
        monkeypatch.setattr(evaluate, "output", Console(file=out, width=160))
        monkeypatch.setattr(terminal, "messages", Console(file=messages, width=160))
        result = CliRunner().invoke(app, ["evaluate", *arguments], input=stdin)
        return result.exit_code, out.getvalue() + result.stdout, messages.getvalue() + result.stderr

    return invoke


@pytest.mark.parametrize(
    ("grade", "exit_code", "verdict"),
    [(0.9, 0, "passed with 0.900"), (0.7, 0, "passed"), (0.5, 1, "failed with 0.500")],
)
def test_the_exit_code_is_the_verdict(
    run: Run, evaluation: FakeEvaluation, grade: float, exit_code: int, verdict: str
) -> None:
    Path("f.py").write_text("def f(): ...")
    evaluation.grade = grade
    code, shown, _ = run("f.py", "--request", "Write f")
    assert code == exit_code
    assert shown.startswith(verdict)
    [asked] = evaluation.asked
    assert (asked.worker_output, asked.user_input) == ("def f(): ...", "Write f")
    assert asked.task_type == "code_generation"


def test_json_holds_score_verdict_and_detail(run: Run, evaluation: FakeEvaluation) -> None:
    evaluation.grade = 0.5
    code, shown, _ = run("-", "-r", "Write f", "--json", stdin=b"x")
    assert code == 1
    parsed = json.loads(shown)
    assert (parsed["score"], parsed["passed"]) == (0.5, False)
    assert parsed["detail"]["rule_score"] == 0.5


def test_a_dash_reads_standard_input_and_the_task_type_is_passed_on(
    run: Run, evaluation: FakeEvaluation
) -> None:
    answer = "\ufeff함수\n".encode()
    assert run("-", "-r", "Write f", "-t", "haiku", stdin=answer)[0] == 0
    assert evaluation.asked[0].worker_output == "함수\n"
    assert evaluation.asked[0].task_type == "haiku"


@pytest.mark.parametrize(
    ("arguments", "stdin", "problem"),
    [
        pytest.param(["missing.py", "-r", "x"], b"", "No such file", id="no-file"),
        pytest.param([".", "-r", "x"], b"", "Is a directory", id="directory"),
        pytest.param(["-"], b"", "--request", id="no-request"),
        pytest.param(["-", "-r", " "], b"", "--request: must not be blank", id="blank-request"),
        pytest.param(["-", "-r", "x" * 20_001], b"", "--request: ", id="long-request"),
        pytest.param(["-", "-r", "x", "-t", ""], b"", "--task-type: ", id="no-task-type"),
        pytest.param(["-", "-r", "x"], b"a\x00b", "must not contain NUL", id="nul"),
        pytest.param(["-", "-r", "x"], b"x" * 200_001, "FILE: ", id="long"),
        pytest.param(["-", "-r", "x"], b"\xff\xfe", "no UTF-8", id="latin"),
    ],
)
def test_a_wrong_command_is_a_sentence_and_exit_code_2(
    run: Run, evaluation: FakeEvaluation, arguments: list[str], stdin: bytes, problem: str
) -> None:
    code, _, message = run(*arguments, stdin=stdin)
    assert code == 2
    assert problem in " ".join(message.replace("│", " ").split())
    assert "Traceback" not in message
    assert not evaluation.asked


def test_an_answer_that_gets_no_score_is_exit_code_3(run: Run, evaluation: FakeEvaluation) -> None:
    evaluation.fails = JudgeInvalidError("no usable grade")
    code, shown, message = run("-", "-r", "Write f")
    assert code == 3
    assert "could not be scored (judge_invalid): no usable grade" in message
    code, shown, _ = run("-", "-r", "Write f", "--json")
    assert code == 3
    parsed = json.loads(shown)
    assert (parsed["score"], parsed["code"]) == (None, "judge_invalid")


def test_a_judge_that_can_not_be_had_is_exit_code_2(run: Run, evaluation: FakeEvaluation) -> None:
    evaluation.fails = ModelSettingError("LLM_API_KEY is not set.")
    code, _, message = run("-", "-r", "Write f")
    assert code == 2
    assert "LLM_API_KEY is not set." in message


def test_a_wrong_setting_is_exit_code_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_SLOTS", "many")
    code, _, message = run("-", "-r", "Write f")
    assert code == 2
    assert "SANDBOX_SLOTS" in message
