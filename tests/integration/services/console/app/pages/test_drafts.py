"""A draft: tried on chosen inputs, sent through the gate, and its job."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from services.common.record.prompts import load_active_prompts
from services.common.task_types import open_task_types
from services.console.app.web.admin_client import RefusedError

OpenConsole = Callable[..., Awaitable[httpx.AsyncClient]]
Connection = asyncpg.Connection
JOB_ID = "00000000-0000-4000-8000-000000000009"
JOB = {
    "id": JOB_ID, "kind": "draft", "state": "waiting", "task_type": "code_generation",
    "requested_by": "ada", "created_at": "2026-03-01T03:00:00Z",
}  # fmt: skip
FORM = {"csrf_token": "token", "from": "1", "content": "Write code.", "action": "try"}
TRIAL, DRAFT = (("POST", f"/prompts/code_generation/{what}") for what in ("trial", "draft"))


@pytest.fixture
async def prompt_id(connection: Connection) -> str:
    """The seed prompt's id."""
    [seed] = await load_active_prompts(connection)
    return str(seed.id)


async def test_inputs_and_their_budget_are_offered(
    open_console: OpenConsole, connection: Connection, prompt_id: str
) -> None:
    await connection.execute(
        """INSERT INTO execution_logs (request_id, task_type, user_input, prompt_version,
                evaluation_score, evaluation_passed)
           VALUES (gen_random_uuid(), 'code_generation', 'It failed today.', 1, 0.1, FALSE)"""
    )
    client = await open_console("operate")
    page = (await client.get(f"/prompts/draft?from={prompt_id}")).text
    golden = open_task_types(None).golden_inputs("code_generation")
    assert 'value="It failed today."' in page
    assert golden.choosing[0] in page
    assert not any(text in page for text in golden.verdict)
    assert "Choose up to 8 inputs" in page
    assert "16 at most" in page


async def test_a_draft_is_tried_beside_what_serves(
    open_console: OpenConsole, prompt_id: str
) -> None:
    client = await open_console("operate")
    rules = {"rules": [{"name": "has_docstring", "outcome": "failed", "reason": "none is there"}]}
    client.admin.answers[TRIAL] = {
        "calls": 2,
        "pairs": [
            {
                "input": "Sort.",
                "draft": {"output": "def <sort>", "score": 0.9, "passed": True},
                "serving": {"score": 0.3, "passed": False, "detail": rules, "output": "no"},
            }
        ],
    }
    sent = {**FORM, "from": prompt_id, "input": ["Sort.", "", "Two\r\nlines."]}
    page = (await client.post("/prompts/draft", data=sent)).text
    body = client.admin.calls[-1][2]
    assert (body.content, body.inputs) == ("Write code.", ["Sort.", "Two\nlines."])
    for words in ("Draft: 1 of 1 pass; what serves: 0", "def &lt;sort&gt;", "none is there"):
        assert words in page, words
    assert 'value="Sort."' not in page  # no input of ours: it stays in the field for one's own
    assert ">\nSort.</textarea>" in page


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"input": []}, id="no-input"),
        pytest.param({"input": [f"input {n}" for n in range(9)]}, id="too-many"),
        pytest.param({"content": "", "input": ["Sort."]}, id="no-text"),
        pytest.param({"content": "", "action": "send"}, id="nothing-to-send"),
    ],
)
async def test_what_can_not_be_tried_is_told_and_kept(
    open_console: OpenConsole, prompt_id: str, change: dict[str, Any]
) -> None:
    client = await open_console("operate")
    sent = {**FORM, "from": prompt_id, "reason": "kept", **change}
    answer = await client.post("/prompts/draft", data=sent)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert 'value="kept"' in answer.text
    assert client.admin.calls == []


async def test_a_refused_trial_keeps_the_text(open_console: OpenConsole, prompt_id: str) -> None:
    client = await open_console("operate")
    client.admin.answers[TRIAL] = RefusedError("The Worker is away.")
    sent = {**FORM, "from": prompt_id, "content": "Mine.", "input": ["Sort."]}
    page = (await client.post("/prompts/draft", data=sent)).text
    assert "The Worker is away." in page
    assert "Mine.</textarea>" in page


async def test_a_draft_goes_to_the_gate_as_a_job(open_console: OpenConsole, prompt_id: str) -> None:
    client = await open_console("operate", "read")
    client.admin.answers[DRAFT] = JOB
    sent = {**FORM, "from": prompt_id, "action": "send", "reason": "shorter"}
    answer = await client.post("/prompts/draft", data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{JOB_ID}")
    body = client.admin.calls[-1][2]
    assert (body.content, body.reason) == ("Write code.", "shorter")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "selfheal up --autopilot"),
        ({"state": "running"}, "An Optimizer works on it"),
        ({"state": "failed", "error": "<b>gone"}, "&lt;b&gt;gone"),
        ({"state": "finished", "run_id": JOB_ID}, f'href="/heals/{JOB_ID}"'),
        ({"kind": "message", "task_type": None, "state": "finished"}, "It was sent."),
    ],
)
async def test_a_job_says_how_far_it_is(
    open_console: OpenConsole, change: dict[str, Any], words: str
) -> None:
    client = await open_console("read")
    client.admin.answers["GET", f"/jobs/{JOB_ID}"] = JOB | change
    page = (await client.get(f"/jobs/{JOB_ID}")).text
    assert words in page
    is_open = (JOB | change)["state"] in ("waiting", "running")
    assert ("data-again" in page) == is_open


async def test_jobs_of_other_task_types_are_refused(open_console: OpenConsole) -> None:
    client = await open_console("read", task_types=["json_extraction"])
    client.admin.answers["GET", f"/jobs/{JOB_ID}"] = JOB
    assert (await client.get(f"/jobs/{JOB_ID}")).status_code == 403


async def test_only_operators_write_drafts(open_console: OpenConsole, prompt_id: str) -> None:
    client = await open_console("read")
    refused = await client.get(f"/prompts/draft?from={prompt_id}")
    assert refused.status_code == 403
    assert refused.json()["message"] == "This page needs the role 'operator', or a higher one."
    assert (await client.post("/prompts/draft", data=FORM)).status_code == 403
