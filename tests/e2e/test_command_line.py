"""The `selfheal` command on a running system: what it prints, and its exit codes."""

import json
import os
import re
import signal
from pathlib import Path

import pytest
from support.running_system import GUIDE_INJECTION, RunningSystem

BINARY_SEARCH = "Write a binary search function"


def test_request_prints_the_managers_json(system: RunningSystem) -> None:
    body = json.loads(system.selfheal("request", BINARY_SEARCH, "--json").stdout)
    assert body["evaluation_passed"] is True
    assert body["model"] == "simulated"
    assert body["judge"] == "rubric"


def test_request_shows_verdict_model_and_judge_to_a_person(system: RunningSystem) -> None:
    shown = system.selfheal("request", BINARY_SEARCH).stdout
    for word in ("passed", "simulated", "rubric", "binary_search"):
        assert word in shown


def test_a_chat_streams_and_tells_the_score(system: RunningSystem) -> None:
    shown = system.selfheal("chat", BINARY_SEARCH).stdout
    assert "def binary_search" in shown
    assert re.search(r"prompt v1 \| passed with 0\.\d{3} \| selfheal explain \w{8}", shown)


def test_a_chat_with_a_task_type_that_is_not_there_names_those_that_are(
    system: RunningSystem,
) -> None:
    done = system.selfheal("chat", BINARY_SEARCH, "-t", "nonsense", check=False)
    assert done.returncode == 1
    assert "code_generation" in done.stderr


def test_request_explains_a_refusal_in_one_line(system: RunningSystem) -> None:
    done = system.selfheal("request", BINARY_SEARCH, "-t", "nonsense", check=False)
    assert done.returncode == 1
    assert "unknown_task_type" in done.stderr
    assert "Traceback" not in done.stderr


def test_prompts_can_be_deployed_compared_and_rolled_back(
    system: RunningSystem, tmp_path: Path
) -> None:
    seed = system.selfheal("prompts", "show").stdout.strip()
    text = tmp_path / "prompt.txt"
    text.write_text("Always answer in JavaScript.")
    system.selfheal("prompts", "activate", "--file", str(text), "--reason", "an experiment")
    assert system.selfheal("prompts", "show").stdout.strip() == "Always answer in JavaScript."
    difference = system.selfheal("prompts", "diff", "1", check=False)
    assert difference.returncode == 1
    assert "+Always answer in JavaScript." in difference.stdout
    system.selfheal("prompts", "rollback")
    listed = json.loads(system.selfheal("prompts", "list", "--json").stdout)
    assert [(row["version"], row["is_active"]) for row in listed] == [
        (3, True),
        (2, False),
        (1, False),
    ]
    assert listed[0]["content"] == seed
    assert listed[0]["created_by"] == "operator"
    system.selfheal("prompts", "activate", "2")
    assert system.request(BINARY_SEARCH).json["prompt_version"] == 4


def test_a_rollback_passes_over_the_text_that_a_repair_replaced(system: RunningSystem) -> None:
    system.psql(GUIDE_INJECTION)
    for _ in range(3):
        system.request(BINARY_SEARCH)
    system.selfheal("optimize")
    done = system.selfheal("prompts", "rollback", check=False)
    assert done.returncode == 1
    assert "No other text served" in done.stderr
    assert system.request(BINARY_SEARCH).json["evaluation_passed"] is True


def test_lists_keep_what_decides_at_80_columns(system: RunningSystem) -> None:
    narrow = RunningSystem(system.directory, system.environment | {"COLUMNS": "80"})
    system.request(BINARY_SEARCH)
    prompts = narrow.selfheal("prompts", "list").stdout
    assert re.search(r"^1 +yes +\d{4}-", prompts, re.M)
    logs = narrow.selfheal("logs").stdout
    assert re.search(r"^\d\d:\d\d:\d\d +\w{8} +v1 +0\.889 +passed", logs, re.M)


def test_a_model_that_cannot_be_had_is_refused_and_breaks_nothing(system: RunningSystem) -> None:
    done = system.selfheal("up", "--llm", "openai", check=False)
    assert done.returncode == 1
    assert "no LLM_API_KEY" in done.stderr
    assert system.request(BINARY_SEARCH).status == 200


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["prompts", "show", "12345"], 1, "There is no version 12345"),
        (["prompts", "activate"], 2, "either a version or --file"),
        (["prompts", "list", "-t", "nonsense"], 1, "no task type"),
        (["logs", "--service", "nonsense"], 1, "There is no process"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_mistakes_get_a_sentence_and_an_exit_code(
    system: RunningSystem, arguments: list[str], exit_code: int, words: str
) -> None:
    done = system.selfheal(*arguments, check=False)
    assert done.returncode == exit_code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_what_waits_for_its_score_is_no_failure(system: RunningSystem) -> None:
    system.psql(
        "WITH row AS (INSERT INTO execution_logs (request_id, task_type, user_input)"
        " VALUES (gen_random_uuid(), 'code_generation', 'waiting') RETURNING id)"
        # Not yet to be claimed.
        " INSERT INTO selfheal.pending_scores"
        " (execution_id, task_type, with_judge, rules_share, judge_share, claimable_at)"
        " SELECT id, 'code_generation', TRUE, 1, 1, now() + interval '1 hour' FROM row"
    )
    try:
        assert "pending" in system.selfheal("logs").stdout
        assert "Nothing failed" in system.selfheal("logs", "--failed").stderr
    finally:
        system.psql("DELETE FROM selfheal.pending_scores")


def test_logs_show_the_failures_alone_when_asked(system: RunningSystem) -> None:
    system.request(BINARY_SEARCH)
    system.psql(GUIDE_INJECTION)
    system.request(BINARY_SEARCH)
    rows = [json.loads(line) for line in system.selfheal("logs", "--json").stdout.splitlines()]
    failed = [
        json.loads(line)
        for line in system.selfheal("logs", "--failed", "--json").stdout.splitlines()
    ]
    assert [row["evaluation_passed"] for row in rows] == [False, True]
    assert [row["id"] for row in failed] == [rows[0]["id"]]
    assert failed[0]["evaluation_detail"]["worker"]["model"] == "simulated"


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "part",
    [
        "manager",
        pytest.param("postgres", marks=SLOW),
        pytest.param("worker", marks=SLOW),
        pytest.param("evaluator", marks=SLOW),
    ],
)
def test_a_killed_part_is_told_truly_and_repaired_by_up(system: RunningSystem, part: str) -> None:
    os.kill(system.states()[part]["pid"], signal.SIGKILL)
    status = system.selfheal("status", "--json", check=False)
    assert status.returncode == 3
    states = {item["name"]: item["state"] for item in json.loads(status.stdout)["parts"]}
    assert states.pop(part) == "crashed"
    if part == "postgres":
        # The prompt that was read last serves, and the row waits on disk.
        answer = system.request(BINARY_SEARCH)
        assert (answer.status, "x-selfheal-prompt-age" in answer.headers) == (200, True)
    elif part != "manager":
        answer = system.request(BINARY_SEARCH)
        assert answer.status == 502
        assert answer.json["code"] == f"{part}_failed"
    system.selfheal("up")
    assert {item["state"] for item in system.states().values()} == {"running"}
    assert system.request(BINARY_SEARCH).status == 200


def test_doctor_finds_that_this_machine_works(system: RunningSystem) -> None:
    findings = json.loads(system.selfheal("doctor", "--json").stdout)
    assert findings["works"] is True
