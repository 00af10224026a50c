"""The workshop guide's phases 3 to 6, as printed where they need no Docker."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from support.running_system import GUIDE_INJECTION, RunningSystem

BINARY_SEARCH = "Write a binary search function"


def test_phase_3_shows_three_tables_one_prompt_and_three_healthy_services(
    system: RunningSystem,
) -> None:
    tables = system.selfheal("psql", "-At", "-c", r"\dt").stdout.splitlines()
    assert sorted(row.split("|")[1] for row in tables) == [
        "execution_logs",
        "optimization_reports",
        "prompts",
    ]
    assert system.psql("SELECT version, is_active, created_by FROM prompts;") == "1|t|system"
    assert system.psql("SELECT content FROM prompts").startswith("You are a Python code generator")
    for service in ("manager", "worker", "evaluator"):
        health = system.get(service, "/health").json
        assert health["status"] == "ok"
        assert health["service"] == service
        assert set(health) == {"status", "service", "version"}


def test_phase_4_answers_scores_and_logs_a_request(system: RunningSystem) -> None:
    answer = system.request("Write a function to sort a list")
    assert answer.status == 200
    body = answer.json
    assert UUID(body["request_id"])
    assert body["refined_input"].startswith("Write a function to sort a list")
    assert "def " in body["worker_output"]
    assert body["evaluation_score"] >= 0.7
    assert body["evaluation_passed"] is True
    assert body["prompt_version"] == 1
    logged = system.psql(
        "SELECT request_id, evaluation_score, evaluation_passed FROM execution_logs "
        "ORDER BY created_at DESC LIMIT 5;"
    )
    request_id, score, passed = logged.split("|")
    assert (request_id, float(score), passed) == (
        body["request_id"],
        body["evaluation_score"],
        "t",
    )


def inject_and_fail(system: RunningSystem, times: int = 5) -> None:
    system.psql(GUIDE_INJECTION)
    for _ in range(times):
        body = system.request(BINARY_SEARCH).json
        assert body["worker_output"] == "Hello World"
        assert body["evaluation_score"] == pytest.approx(0.36, abs=0.05)
        assert body["evaluation_passed"] is False
        assert body["prompt_version"] == 99


def test_phase_5_heals_the_bad_prompt_twice_in_a_row(system: RunningSystem) -> None:
    for expected_version in (100, 101):
        inject_and_fail(system)
        run = system.selfheal("optimize")
        for event in (
            "optimization_cycle_started",
            "task_types_needing_optimization",
            "prompt_patched",
            "optimization_completed",
        ):
            assert event in run.stdout
        newest = system.psql(
            "SELECT version, is_active, LEFT(content, 80) FROM prompts "
            "WHERE task_type='code_generation' ORDER BY version DESC LIMIT 1;"
        )
        version, is_active, _ = newest.split("|")
        assert (int(version), is_active) == (expected_version, "t")
        healed = system.request(BINARY_SEARCH).json
        assert healed["evaluation_score"] == pytest.approx(0.874, abs=0.05)
        assert healed["evaluation_passed"] is True
        assert healed["prompt_version"] == expected_version
    measured = system.psql(
        "SELECT before_prompt_version, after_prompt_version, improvement_pct "
        "FROM optimization_reports ORDER BY id"
    )
    first, second = (row.split("|") for row in measured.splitlines())
    assert (first[:2], second[:2]) == (["99", "100"], ["99", "101"])
    assert 40 < float(first[2]) < 70
    assert system.psql("SELECT count(*) FROM prompts WHERE is_active") == "1"


def test_phase_6_exposes_the_three_metrics_and_they_move(system: RunningSystem) -> None:
    series = 'agent_requests_total{service="manager",status="success"}'
    before = system.metric("manager", series)
    assert before is not None
    system.request(BINARY_SEARCH)
    assert system.metric("manager", series) == before + 1
    active = 'agent_prompt_version{task_type="code_generation"}'
    assert system.metric("worker", active) == 1
    system.psql(GUIDE_INJECTION)
    assert system.metric("worker", active) == 99
    assert "agent_evaluation_score_bucket" in system.get("evaluator", "/metrics/").text
    assert "agent_request_duration_seconds_bucket" in system.get("manager", "/metrics").text


def test_the_optimizer_leaves_a_healthy_prompt_alone(system: RunningSystem) -> None:
    system.request(BINARY_SEARCH)
    run = system.selfheal("optimize")
    assert "no task types need optimization" in run.stdout
    assert system.psql("SELECT max(version) FROM prompts") == "1"


def test_two_failures_are_too_few(system: RunningSystem) -> None:
    inject_and_fail(system, times=2)
    run = system.selfheal("optimize")
    assert "no task types need optimization" in run.stdout
    assert system.psql("SELECT max(version) FROM prompts") == "99"


def test_two_optimizers_at_once_promote_once(system: RunningSystem) -> None:
    inject_and_fail(system)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(system.selfheal, "optimize") for _ in range(2)]
        outputs = [run.result().stdout for run in runs]
    assert sum("prompt_patched" in output for output in outputs) == 1
    assert system.psql("SELECT max(version), count(*) FILTER (WHERE is_active) FROM prompts") == (
        "100|1"
    )


def test_replays_leave_no_trace_in_the_execution_log(system: RunningSystem) -> None:
    inject_and_fail(system)
    system.selfheal("optimize")
    assert system.psql("SELECT count(*) FROM execution_logs") == "5"


def test_the_request_id_of_a_client_is_kept_through_all_services(system: RunningSystem) -> None:
    request_id = str(uuid4())
    answer = system.post(
        "manager",
        "/api/v1/request",
        {"user_input": BINARY_SEARCH, "task_type": "code_generation"},
        {"X-Request-ID": request_id},
    )
    assert answer.json["request_id"] == request_id
    for service in ("manager", "worker", "evaluator"):
        log = system.selfheal("logs", "--service", service, "-n", "50").stdout
        assert request_id in log


def test_an_unknown_task_type_names_the_known_and_adds_no_label(system: RunningSystem) -> None:
    answer = system.request(BINARY_SEARCH, task_type="haiku_writing")
    assert answer.status == 404
    assert answer.json["code"] == "unknown_task_type"
    assert answer.json["known_task_types"] == ["code_generation"]
    for service in ("manager", "worker", "evaluator"):
        assert "haiku_writing" not in system.get(service, "/metrics/").text
