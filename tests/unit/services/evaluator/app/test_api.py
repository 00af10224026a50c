"""The Evaluator over HTTP, in this process: what it answers, refuses and counts."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.common.config import Settings
from services.common.errors import JudgeInvalidError, UnscoredError
from services.common.task_types import open_task_types
from services.common.task_types.rules import RuleResults
from services.evaluator.app import wiring
from services.evaluator.app.main import create_evaluator
from services.evaluator.app.services.judging.judge import JudgedAnswer, Judgement, RubricJudge

PATH = "/api/v1/evaluate"


def body(**changes: Any) -> dict[str, Any]:
    return {
        "request_id": str(uuid4()),
        "task_type": "code_generation",
        "user_input": "Write a binary search function",
        "refined_input": "Write a binary search function",
        "worker_output": "Hello World",
    } | changes


def value_of(client: TestClient, series: str) -> float:
    lines = client.get("/metrics/").text.splitlines()
    [value] = [line.split()[-1] for line in lines if line.startswith(series + " ")]
    return float(value)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, sandbox="off", selfheal_home=tmp_path)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[TestClient]:
    monkeypatch.setattr(wiring, "create_judge", lambda *_: RubricJudge())
    with TestClient(create_evaluator(settings)) as client:
        yield client


class BrokenJudge(RubricJudge):
    error: Exception = UnscoredError("The judge gave no answer: timeout.")

    async def judge(self, case: JudgedAnswer, rules: RuleResults) -> Judgement:
        raise self.error


@pytest.fixture
def judge() -> BrokenJudge:
    return BrokenJudge()


@pytest.fixture
def client_without_judge(
    monkeypatch: pytest.MonkeyPatch, judge: BrokenJudge, settings: Settings
) -> Iterator[TestClient]:
    monkeypatch.setattr(wiring, "create_judge", lambda *_: judge)
    app = create_evaluator(settings)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_an_answer_is_scored_as_the_contract_says(client: TestClient) -> None:
    request = body()
    response = client.post(PATH, json=request)
    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {"request_id", "score", "passed", "detail"}
    assert answer["request_id"] == request["request_id"]
    assert answer["score"] == pytest.approx(0.36, abs=0.05)
    assert answer["passed"] is False
    assert answer["detail"]["judge"]["name"] == "rubric"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"request_id": "no-uuid"}, id="request-id-no-uuid"),
        pytest.param({"request_id": None}, id="request-id-null"),
        pytest.param({"task_type": ""}, id="task-type-empty"),
        pytest.param({"task_type": " "}, id="task-type-blank"),
        pytest.param({"task_type": "x" * 65}, id="task-type-too-long"),
        pytest.param({"task_type": 7}, id="task-type-a-number"),
        pytest.param({"user_input": ""}, id="input-empty"),
        pytest.param({"user_input": "x" * 20_001}, id="input-too-long"),
        pytest.param({"user_input": "a\x00b"}, id="input-nul"),
        pytest.param({"refined_input": ""}, id="refined-empty"),
        pytest.param({"worker_output": "a\x00b"}, id="output-nul"),
        pytest.param({"worker_output": None}, id="output-null"),
        pytest.param({"worker_output": "x" * 200_001}, id="output-too-long"),
        pytest.param({"worker_output": ["x"]}, id="output-a-list"),
    ],
)
def test_an_invalid_request_is_refused(client: TestClient, changes: dict[str, Any]) -> None:
    response = client.post(PATH, json=body(**changes))
    assert response.status_code == 422
    answer = response.json()
    assert answer["code"] == "invalid_request"
    assert next(iter(changes)) in answer["message"]


@pytest.mark.parametrize("field", sorted(body()))
def test_a_missing_field_is_named(client: TestClient, field: str) -> None:
    request = body()
    del request[field]
    response = client.post(PATH, json=request)
    assert response.status_code == 422
    assert field in response.json()["message"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut-off"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b'"text"', id="a-string"),
        pytest.param(b"[" * 10_000, id="nested-deeply"),
        pytest.param(b"\xff\xfe", id="no-utf-8"),
        pytest.param(b'{"user_input": "\\ud800"}', id="lone-surrogate"),
    ],
)
def test_a_body_that_is_no_request_is_a_client_error(client: TestClient, content: bytes) -> None:
    response = client.post(PATH, content=content, headers={"Content-Type": "application/json"})
    assert 400 <= response.status_code < 500
    assert response.json()["code"]


def test_a_body_over_the_limit_is_refused(client: TestClient) -> None:
    response = client.post(PATH, content=b" " * ((10 << 20) + 1))
    assert response.status_code == 413
    assert response.json()["code"] == "request_too_large"


def test_the_longest_answer_is_scored(client: TestClient) -> None:
    assert client.post(PATH, json=body(worker_output="가" * 200_000)).status_code == 200


def test_an_empty_answer_is_scored(client: TestClient) -> None:
    response = client.post(PATH, json=body(worker_output=""))
    assert response.status_code == 200
    assert response.json()["score"] < 0.2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(UnscoredError("late"), "judge_unavailable", id="unavailable"),
        pytest.param(JudgeInvalidError("nonsense"), "judge_invalid", id="invalid"),
    ],
)
def test_an_answer_that_can_not_be_scored_is_a_503_and_counted(
    client_without_judge: TestClient, judge: BrokenJudge, error: Exception, code: str
) -> None:
    judge.error = error
    response = client_without_judge.post(PATH, json=body())
    assert response.status_code == 503
    answer = response.json()
    assert answer["code"] == code
    assert "score" not in answer
    unscored = 'agent_evaluations_unscored_total{task_type="code_generation"}'
    scored = 'agent_evaluation_score_count{task_type="code_generation"}'
    assert value_of(client_without_judge, unscored) == 1
    assert value_of(client_without_judge, scored) == 0
    errors = 'agent_requests_total{service="evaluator",status="error"}'
    assert value_of(client_without_judge, errors) == 1


def test_an_unforeseen_error_is_answered_without_details(
    client_without_judge: TestClient, judge: BrokenJudge
) -> None:
    judge.error = ZeroDivisionError("a secret")
    with capture_logs() as logs:
        response = client_without_judge.post(PATH, json=body())
    assert [entry["event"] for entry in logs] == ["unexpected_error"]
    assert response.status_code == 500
    assert response.json()["code"] == "internal_error"
    assert "secret" not in response.text


def test_scores_and_requests_are_counted(client: TestClient) -> None:
    client.post(PATH, json=body())
    client.post(PATH, json=body(task_type="letters"))
    client.post(PATH, json=body(task_type=""))
    count = "agent_evaluation_score_count"
    assert value_of(client, f'{count}{{task_type="code_generation"}}') == 1
    assert value_of(client, f'{count}{{task_type="other"}}') == 1
    requests = 'agent_requests_total{service="evaluator",'
    assert value_of(client, requests + 'status="success"}') == 2
    assert value_of(client, requests + 'status="error"}') == 1
    seconds = 'agent_request_duration_seconds_count{service="evaluator"}'
    assert value_of(client, seconds) == 3


def test_every_series_is_there_before_the_first_request(client: TestClient) -> None:
    for path in ("/metrics", "/metrics/"):
        text = client.get(path).text
        for series in (
            'agent_requests_total{service="evaluator",status="success"} 0.0',
            'agent_requests_total{service="evaluator",status="error"} 0.0',
            'agent_evaluation_score_bucket{le="0.7",task_type="code_generation"} 0.0',
            'agent_evaluations_unscored_total{task_type="code_generation"} 0.0',
            'agent_request_duration_seconds_count{service="evaluator"} 0.0',
        ):
            assert series in text


def test_clients_can_not_make_new_labels(client: TestClient) -> None:
    for number in range(5):
        client.post(PATH, json=body(task_type=f"type-{number}"))
    labels = set(re.findall(r'task_type="([^"]+)"', client.get("/metrics").text))
    assert labels == {*open_task_types(None).names(), "other"}


def test_health_and_readiness(client: TestClient) -> None:
    health = client.get("/health").json()
    assert (health["status"], health["service"]) == ("ok", "evaluator")
    assert health["version"]
    assert client.get("/health/ready").status_code == 200


GOLDEN = {"golden_id": "cg-053", "user_input": "Write a function that adds two numbers."}
TOKEN = "open sesame"


@pytest.fixture
def trusting_client(settings: Settings) -> Iterator[TestClient]:
    settings = settings.model_copy(update={"internal_token": SecretStr(TOKEN)})
    with TestClient(create_evaluator(settings)) as client:
        yield client


@pytest.mark.parametrize("headers", [{}, {"X-Internal-Token": ""}, {"X-Internal-Token": "wrong"}])
def test_a_golden_input_is_named_by_the_optimizer_alone(
    trusting_client: TestClient, headers: dict[str, str]
) -> None:
    for golden_id in ("cg-053", "unknown"):
        request = body(**GOLDEN | {"golden_id": golden_id})
        response = trusting_client.post(PATH, json=request, headers=headers)
        assert response.status_code == 403
        assert response.json()["code"] == "forbidden"
        assert TOKEN not in response.text


@pytest.mark.parametrize("token", ["", "None", TOKEN])
def test_where_no_token_is_set_nobody_may_name_a_golden_input(
    client: TestClient, token: str
) -> None:
    response = client.post(PATH, json=body(**GOLDEN), headers={"X-Internal-Token": token})
    assert response.status_code == 403


def test_a_replay_of_a_golden_input_is_scored(trusting_client: TestClient) -> None:
    response = trusting_client.post(PATH, json=body(**GOLDEN), headers={"X-Internal-Token": TOKEN})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "changes", [{"golden_id": "cg-054"}, {"golden_id": "unknown"}, {"task_type": "letters"}]
)
def test_a_golden_input_that_is_not_the_request_is_refused(
    trusting_client: TestClient, changes: dict[str, str]
) -> None:
    response = trusting_client.post(
        PATH, json=body(**GOLDEN | changes), headers={"X-Internal-Token": TOKEN}
    )
    assert response.status_code == 422
    assert "golden_id" in response.json()["message"]


def test_answers_are_counted_by_their_evidence(client: TestClient) -> None:
    client.post(PATH, json=body())
    name = "agent_evaluation_evidence_total"
    grades = ("checks", "examples", "plausible_calls", "static")
    assert [value_of(client, f'{name}{{evidence="{grade}"}}') for grade in grades] == [0, 0, 0, 1]


def test_the_request_id_of_the_caller_is_kept(client: TestClient) -> None:
    request_id = str(uuid4())
    response = client.post(PATH, json=body(), headers={"X-Request-ID": request_id})
    assert response.headers["x-request-id"] == request_id


def test_an_answer_that_was_not_to_be_judged_is_no_unscored_one(client: TestClient) -> None:
    answer = "def binary_search(items: list[int], target: int) -> int:\n    return 1"
    response = client.post(PATH, json=body(worker_output=answer, with_judge=False))
    assert (response.status_code, response.json()["code"]) == (422, "not_judged")
    series = 'agent_evaluations_unscored_total{task_type="code_generation"}'
    assert value_of(client, series) == 0
    failing = client.post(PATH, json=body(with_judge=False))
    assert (failing.status_code, failing.json()["passed"]) == (200, False)


def test_a_conversation_as_large_as_the_door_takes_is_scored(client: TestClient) -> None:
    conversation = {
        "messages": [{"role": "user", "content": "x" * (4 << 20)}],
        "answer": {"role": "assistant", "content": "Hello World"},
        "finish_reason": "stop",
    }
    response = client.post(PATH, json=body(conversation=conversation))
    assert response.status_code == 200
    assert response.json()["passed"] is False
