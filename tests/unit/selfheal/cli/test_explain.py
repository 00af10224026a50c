"""`selfheal explain`: which request is meant, and what is told of it."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from rich.console import Console
from typer.testing import CliRunner

from selfheal.cli import explain, terminal
from selfheal.cli.main import app
from services.common.models import ExecutionLog

ID = "3f2c9a71-0000-4000-8000-000000000001"
OTHER_ID = "3f2c9a71-0000-4000-8000-000000000002"
ROW = ExecutionLog(
    id=1,
    request_id=UUID(ID),
    task_type="code_generation",
    user_input="Write [bold]factorial[/bold]",
    refined_input="Write factorial. Language: Python.",
    prompt_version=3,
    worker_output="```python\ndef factorial(n): ...\x1b[2J\n```",
    worker_latency_ms=21,
    evaluation_score=0.4,
    evaluation_passed=False,
    evaluation_detail={
        "worker": {"model": "some-model"},
        "capped": True,
        "cap_reasons": ["factorial(5) gave None, and the request says 120"],
        "judge": {"name": "rubric", "score": 0.4},
    },
    error_message=None,
    created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)
UNSCORED = replace(
    ROW,
    evaluation_score=None,
    evaluation_passed=None,
    evaluation_detail={
        "worker": {"model": "some-model"},
        "error": {"service": "evaluator", "code": "judge_invalid"},
    },
    error_message="evaluator_failed: The evaluator answered: no usable \x1b[31mgrade",
)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[ExecutionLog]:
    """The rows that the database holds."""
    rows: list[ExecutionLog] = []

    def load(first: UUID, last: UUID) -> list[ExecutionLog]:
        return [row for row in rows if first <= row.request_id <= last]

    monkeypatch.setattr(explain, "_load", load)
    return rows


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def invoke(*arguments: str) -> tuple[int, str, str]:
        out, messages = io.StringIO(), io.StringIO()
        monkeypatch.setattr(explain, "output", Console(file=out, width=160))
        for module in (explain, terminal):
            monkeypatch.setattr(module, "messages", Console(file=messages, width=160))
        result = CliRunner().invoke(app, ["explain", *arguments])
        return result.exit_code, out.getvalue() + result.stdout, messages.getvalue()

    return invoke


@pytest.mark.parametrize("given", [ID, ID.upper(), ID.replace("-", ""), ID[:8], f" {ID[:13]} "])
def test_a_request_is_found_by_its_id_or_the_start_of_it(
    run: Run, logged: list[ExecutionLog], given: str
) -> None:
    logged.append(ROW)
    exit_code, shown, _ = run(given)
    assert exit_code == 0
    for part in (
        f"request {ID} (code_generation)",
        "Write [bold]factorial[/bold]",
        "prompt version 3, model some-model, 21 ms",
        "def factorial(n): ...\n",
        "failed with 0.400",
        "- factorial(5) gave None, and the request says 120",
    ):
        assert part in re.sub(r" +\n", "\n", shown)
    assert "\x1b" not in shown


@pytest.mark.parametrize("given", ["", "3f2c9a7", "not-an-id", "zzzzzzzz", ID + "0", "\x1b[2J" * 9])
def test_what_is_no_id_is_told_so(run: Run, logged: list[ExecutionLog], given: str) -> None:
    exit_code, _, message = run(given)
    assert exit_code == 1
    assert "not the id of a request" in message
    assert "\x1b" not in message


def test_an_unknown_id_is_told_so(run: Run, logged: list[ExecutionLog]) -> None:
    exit_code, _, message = run(ID)
    assert exit_code == 1
    assert f"No request {ID} is logged." in message
    assert "selfheal logs" in message


def test_two_requests_that_begin_alike_are_named(run: Run, logged: list[ExecutionLog]) -> None:
    logged.extend([ROW, replace(ROW, id=2, request_id=UUID(OTHER_ID))])
    exit_code, _, message = run(ID[:8])
    assert exit_code == 1
    assert ID in message
    assert OTHER_ID in message
    assert run(OTHER_ID)[0] == 0


def test_of_a_request_logged_twice_the_latest_is_told(run: Run, logged: list[ExecutionLog]) -> None:
    logged.extend([replace(ROW, id=2, evaluation_score=0.9, evaluation_passed=True), ROW])
    exit_code, shown, message = run(ID)
    assert exit_code == 0
    assert "passed with 0.900" in shown
    assert "logged 2 times" in message


def test_an_unscored_request_says_what_failed_and_what_it_means(
    run: Run, logged: list[ExecutionLog]
) -> None:
    logged.append(UNSCORED)
    exit_code, shown, _ = run(ID)
    assert exit_code == 0
    for part in (
        "Answered (",
        "def factorial(n): ...",
        "unscored",
        "evaluator_failed: The evaluator answered: no usable grade",
        "evaluator, judge_invalid: The judge replied twice with something that is no grade.",
        "Unscored is not zero",
    ):
        assert part in shown
    assert "\x1b" not in shown
    assert "failed with" not in shown


@pytest.mark.parametrize("detail", [None, {}, {"error": "gone"}, {"worker": 3, "error": {}}])
def test_a_row_that_knows_little_is_told_all_the_same(
    run: Run, logged: list[ExecutionLog], detail: dict[str, Any] | None
) -> None:
    bare = replace(
        UNSCORED,
        evaluation_detail=detail,
        error_message=None,
        worker_output=None,
        prompt_version=None,
        worker_latency_ms=None,
    )
    logged.append(bare)
    exit_code, shown, _ = run(ID)
    assert exit_code == 0
    assert "counts for nothing" in shown
    assert "Answered" not in shown


def test_a_code_of_tomorrow_points_to_the_log(run: Run, logged: list[ExecutionLog]) -> None:
    detail = {"error": {"service": "worker", "code": "new_code"}}
    logged.append(replace(UNSCORED, evaluation_detail=detail))
    assert "worker, new_code: See the service's own log." in run(ID)[1]


def test_json_is_the_row(run: Run, logged: list[ExecutionLog]) -> None:
    logged.append(ROW)
    exit_code, shown, _ = run(ID, "--json")
    assert exit_code == 0
    row = json.loads(shown)
    assert row["request_id"] == ID
    assert row["evaluation_detail"] == ROW.evaluation_detail


def test_the_arm_of_a_rollout_is_told(logged: list[ExecutionLog], run: Run) -> None:
    worker = {"worker": {"model": "m", "rollout": OTHER_ID, "arm": "candidate", "unit": "u"}}
    logged.append(replace(ROW, evaluation_detail=worker))
    _, shown, _ = run(ID)
    assert "prompt version 3, candidate arm of a rollout, model m" in shown
