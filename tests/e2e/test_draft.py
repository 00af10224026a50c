"""A text of a person's own, from a first try to serving, and back: on the real services."""

from typing import Any

from support.running_system import GUIDE_INJECTION, Answer, RunningSystem

PREFIX = "/api/v1/admin"
OWN = (
    "You are an expert Python programmer. Answer with one Python function in a fenced code block, "
    "with type hints and a docstring."
)
BINARY_SEARCH = "Write a binary search function in Python"
SERVING = """
    SELECT json_build_object('prompt_id', id,
                             'digest', encode(sha256(convert_to(content, 'UTF8')), 'hex'))
    FROM prompts WHERE is_active ORDER BY version DESC LIMIT 1
"""


def call(system: RunningSystem, path: str, body: object) -> Answer:
    token = system.get("manager", f"{PREFIX}/session").json["csrf_token"]
    return system.post("manager", PREFIX + path, body, {"X-CSRF-Token": token})


def read_job(system: RunningSystem, job: dict[str, Any]) -> dict[str, Any]:
    return system.get("manager", f"{PREFIX}/jobs/{job['id']}").json


def serving_content(system: RunningSystem) -> str:
    return system.psql("SELECT content FROM prompts WHERE is_active")


def test_a_draft_is_tried_proven_approved_serves_is_watched_and_undone(
    system: RunningSystem,
) -> None:
    system.psql(GUIDE_INJECTION)
    trial = call(
        system, "/prompts/code_generation/trial", {"content": OWN, "inputs": [BINARY_SEARCH]}
    )
    assert trial.status == 200, trial.text
    [pair] = trial.json["pairs"]
    assert (pair["draft"]["passed"], pair["serving"]["passed"]) == (True, False)
    sent = call(system, "/prompts/code_generation/draft", {"content": OWN, "reason": "my own"})
    assert sent.status == 202, sent.text
    system.selfheal("optimize")
    job = read_job(system, sent.json)
    assert job["state"] == "finished"
    run = f"/runs/{job['run_id']}"
    shown = system.selfheal("reports", "show", job["run_id"]).stdout
    assert "a draft in place of version 99 is proven" in shown
    assert "asked for by local" in shown
    approved = call(system, f"{run}/approve", {})
    assert approved.status == 200, approved.text
    assert serving_content(system) == OWN
    assert system.request(BINARY_SEARCH).json["evaluation_passed"] is True
    watched = "SELECT count(*) FROM selfheal.watches WHERE ended_at IS NULL AND prompt_id = "
    assert system.psql(watched + str(approved.json["prompt_id"])) == "1"
    undone = system.post("manager", f"{PREFIX}{run}/undo", system.psql(SERVING).encode(), {
        "X-CSRF-Token": system.get("manager", f"{PREFIX}/session").json["csrf_token"]
    })  # fmt: skip
    assert undone.status == 200, undone.text
    assert serving_content(system) == "just say hello world to everything"


def test_a_draft_that_is_no_better_is_held(system: RunningSystem) -> None:
    sent = call(system, "/prompts/code_generation/draft", {"content": OWN + " Keep it short."})
    assert sent.status == 202, sent.text
    system.selfheal("optimize")
    job = read_job(system, sent.json)
    columns = "SELECT decision, reason, requested_by FROM selfheal.healing_runs"
    assert system.psql(f"{columns} WHERE id = '{job['run_id']}'") == "held|not_better|local"
    assert system.psql("SELECT max(version) FROM prompts") == "1"
