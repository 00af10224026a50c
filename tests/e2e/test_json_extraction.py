"""A task type that isn't code, end to end: enabled, served, spoilt, healed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.running_system import Answer, RunningSystem

TASK_TYPE = "json_extraction"
BAD_PROMPT = "just say hello world to everything"
SCHEMA = {
    "type": "object",
    "properties": {
        "ticket_number": {"type": "string"},
        "opened": {"type": "string", "format": "date"},
        "priority": {"enum": ["low", "normal", "high"]},
        "devices": {"type": "integer"},
    },
    "required": ["ticket_number", "opened", "priority", "devices"],
    "additionalProperties": False,
}


def ask(number: int) -> str:
    """A request that no golden input resembles."""
    text = f"Ticket number: T-{number}\nOpened: 3 May 2025\nPriority: high\nDevices: {number} fans"
    return (
        "Extract the data as JSON that follows this schema:\n\n"
        f"```json\n{json.dumps(SCHEMA, indent=2)}\n```\n\nText:\n{text}"
    )


def data_of(number: int) -> dict[str, Any]:
    return {
        "ticket_number": f"T-{number}",
        "opened": "2025-05-03",
        "priority": "high",
        "devices": number,
    }


def rules_of(system: RunningSystem, answer: Answer) -> dict[str, str]:
    """Outcomes by rule, as the log tells them."""
    request_id = answer.json["request_id"]
    detail = system.psql(
        f"SELECT evaluation_detail FROM execution_logs WHERE request_id = '{request_id}'"
    )
    return {rule["name"]: rule["outcome"] for rule in json.loads(detail)["rules"]}


@pytest.fixture
def extraction(system: RunningSystem) -> Iterator[RunningSystem]:
    """The system with the task type enabled; the seed prompt is left as it was."""
    system.psql(f"DELETE FROM prompts WHERE task_type = '{TASK_TYPE}'")
    system.selfheal("tasks", "enable", TASK_TYPE)
    yield system
    system.psql(f"DELETE FROM prompts WHERE task_type = '{TASK_TYPE}'")


def test_enabling_inserts_the_prompt_once(extraction: RunningSystem) -> None:
    done = extraction.selfheal("tasks", "enable", TASK_TYPE)
    assert "served already" in done.stderr
    rows = extraction.psql("SELECT task_type, version, is_active FROM prompts ORDER BY id")
    assert rows.splitlines() == ["code_generation|1|t", f"{TASK_TYPE}|1|t"]
    listed = json.loads(extraction.selfheal("tasks", "list", "--json").stdout)
    assert {row["name"]: row["enabled"] for row in listed} == {
        "code_generation": True,
        TASK_TYPE: True,
        "tool_use": False,
    }


def test_a_request_is_answered_with_data_and_passes(extraction: RunningSystem) -> None:
    answer = extraction.request(ask(7), TASK_TYPE)
    assert answer.status == 200
    assert json.loads(answer.json["worker_output"]) == data_of(7)
    assert answer.json["evaluation_passed"] is True
    assert answer.json["evaluation_score"] == pytest.approx(1)
    assert rules_of(extraction, answer) == {
        "gives_an_answer": "passed",
        "parses_as_json": "passed",
        "conforms_to_the_schema": "passed",
        "values_are_in_the_text": "passed",
        "leaves_nothing_out": "passed",
        "adds_no_fields": "passed",
        "fields_are_right": "not_applicable",
    }


def test_a_bad_prompt_fails_and_is_healed(extraction: RunningSystem, tmp_path: Path) -> None:
    prompt = tmp_path / "bad.txt"
    prompt.write_text(BAD_PROMPT)
    extraction.selfheal("prompts", "activate", "-t", TASK_TYPE, "--file", str(prompt))
    for number in range(4):
        failing = extraction.request(ask(number), TASK_TYPE)
        assert failing.json["worker_output"] == "Hello World"
        assert failing.json["evaluation_passed"] is False
        assert failing.json["evaluation_score"] <= 0.4
        assert rules_of(extraction, failing)["parses_as_json"] == "failed"
    run = extraction.selfheal("optimize")
    assert "prompt_patched" in run.stdout
    healed = extraction.request(ask(9), TASK_TYPE)
    assert healed.json["prompt_version"] == 3
    assert healed.json["evaluation_passed"] is True
    assert json.loads(healed.json["worker_output"]) == data_of(9)
    assert extraction.psql("SELECT task_type FROM optimization_reports") == TASK_TYPE


def test_a_repair_needs_no_earlier_prompt(extraction: RunningSystem) -> None:
    """Where nothing good has served, the task type's own sentences make the repair."""
    extraction.psql(f"UPDATE prompts SET content = '{BAD_PROMPT}' WHERE task_type = '{TASK_TYPE}'")
    for number in range(4):
        assert extraction.request(ask(number), TASK_TYPE).json["evaluation_passed"] is False
    assert "prompt_patched" in extraction.selfheal("optimize").stdout
    assert extraction.request(ask(9), TASK_TYPE).json["evaluation_passed"] is True
    reason = extraction.psql(
        f"SELECT change_reason FROM prompts WHERE task_type = '{TASK_TYPE}' AND is_active"
    )
    assert "corrected_incumbent" in reason or "rebuilt_from_rules" in reason
