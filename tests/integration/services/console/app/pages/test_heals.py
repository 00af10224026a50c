"""The heals' list, and a heal's page: what happened, the proof, and the way back."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from services.common.record.activation import Patch, patch_prompt
from services.common.record.healing_runs import HealingRun, Repair, activate_repair, record_run
from services.common.record.healing_runs import register_candidate as register
from services.common.record.prompts import load_active_prompts
from services.console.app.web.admin_client import RefusedError

OpenConsole = Callable[..., Awaitable[httpx.AsyncClient]]
Connection = asyncpg.Connection
HOSTILE = '<script>alert(1)</script> \u202e \x1b[31m"onload=x'
ADD_TRAFFIC = """
    INSERT INTO selfheal.traffic (task_type, bucket, prompt_version, requests, unscored, scored,
        passed, score_sum, latency_ms_sum, input_tokens, output_tokens)
    VALUES ('code_generation', now(), $1, $3::integer, 0, $3::integer, $2::integer, $2::integer,
        0, 0, 0)
"""
PAIR = {"input_id": "failing-verdict-1", "incumbent": 0.2, "candidate": 0.9}
DETAIL: dict[str, Any] = {
    "summary": "reset by last_good_version",
    "failures": {
        "count": 4, "scored": 5, "clusters": 2, "lookback_minutes": 30,
        "failed_rules": {"has_docstring": 4}, "surprise": {"p_value": 1e-5},
    },
    "attribution": {"verdict": "prompt", "because": ["It fails 4 of 4 inputs again."]},
    "candidates": [
        {"strategy": "last_good_version", "passed": 4, "scored": 4, "incumbent_passed": 0,
         "mean_score": 0.9, "incumbent_mean_score": 0.2, "wins": 4, "losses": 0,
         "rationale": "it served before"},
        {"strategy": "reflection", "refused": "dictates_answer"},
    ],
    "inputs": {"used": {"failing-verdict-1": {"source": "failing", "text": "Sort a list."}}},
    "verdict": {
        "pairs": [PAIR] * 5, "alpha": 0.05, "promote": True, "incumbent_passed": 0,
        "candidate_passed": 5, "incumbent_mean": 0.2, "candidate_mean": 0.9, "p_value": 0.04,
        "e_value": 1.9**5, "guards": {"checked": 3, "newly_failing": [], "allowed": 1},
        "control": {"label": "reset", "scored": 3, "passed": 3}, "evaluator_fingerprints": ["f00"],
    },
    "cost": {"worker_calls": 21, "seconds": 1.5},
}  # fmt: skip


async def heal(
    connection: Connection,
    decision: str = "promoted",
    *,
    detail: dict[str, Any] | None = None,
    reason: str = "better",
    requested_by: str | None = None,
) -> UUID:
    """Record a run on what serves, and activate its text where it was promoted."""
    [serving] = await load_active_prompts(connection)
    candidate = await register(connection, serving, content="You write code.", strategy="x")
    known = DETAIL if detail is None else detail
    run = HealingRun(serving, decision, reason, "prompt", known, "cronjob", candidate, requested_by)
    report_id = None
    if decision == "promoted":
        repair = Repair(candidate, "You write code.", "x", 70.0)
        report_id = (await activate_repair(connection, run, repair)).report_id
    return await record_run(connection, run, report_id=report_id)


async def add_request(connection: Connection, text: str, version: int = 1) -> UUID:
    request_id = uuid4()
    rules = {"rules": [{"name": "has_docstring", "outcome": "failed"}]}
    await connection.execute(
        """INSERT INTO execution_logs (request_id, task_type, user_input, prompt_version,
                evaluation_score, evaluation_passed, evaluation_detail)
           VALUES ($1, 'code_generation', $2, $3, 0.2, FALSE, $4)""",
        request_id, text, version, rules,
    )  # fmt: skip
    return request_id


async def count_traffic(connection: Connection, version: int, passed: int, scored: int) -> None:
    await connection.execute(ADD_TRAFFIC, version, passed, scored)


async def test_a_heal_is_told_on_one_page(
    open_console: OpenConsole, connection: Connection
) -> None:
    request_id = await add_request(connection, "Sort a list.")
    run_id = await heal(connection)
    await count_traffic(connection, 2, 9, 10)
    client = await open_console("read")
    page = (await client.get(f"/heals/{run_id}")).text
    for words in (
        "Healed: version 2 of code_generation replaced version 1",
        "It is good so far: 90 % of 10 answers passed since",
        "4 of 5 scored answers failed, in 2 clusters",
        "The prompt is at fault.",
        "It fails 4 of 4 inputs again.",
        "dictates answer",
        "it had to reach 20, and did so after pair 5",
        "a reset: no prompt at all",
        "<ins>",
    ):
        assert words in page, words
    assert page.count('class="proof__mark proof__mark--win"') == 10  # wide and narrow
    assert f'href="/requests/{request_id}"' in page


@pytest.mark.parametrize(
    "detail", [{}, {"verdict": [], "failures": None, "candidates": [None, 3], "inputs": "x"}]
)
async def test_a_record_that_lacks_any_part_is_shown(
    open_console: OpenConsole, connection: Connection, detail: dict[str, Any]
) -> None:
    run_id = await heal(connection, detail=detail)
    client = await open_console("read")
    answer = await client.get(f"/heals/{run_id}")
    assert answer.status_code == 200
    assert '<svg class="proof' not in answer.text


async def test_a_hold_says_why_and_what_to_do(
    open_console: OpenConsole, connection: Connection
) -> None:
    run_id = await heal(connection, "held", reason="provider_at_fault")
    client = await open_console("read")
    page = (await client.get(f"/heals/{run_id}")).text
    assert "Held: version 1 of code_generation stays as it is" in page
    assert "Look at the provider first: selfheal doctor" in page


async def test_no_repair_found_says_what_came_near(
    open_console: OpenConsole, connection: Connection
) -> None:
    near = {"strategy": "few_shot", "wins": 6, "losses": 3, "pairs": 9, "e_value": 1.5,
            "needed": 24.69, "mends": ["Sort"], "breaks": ["Say <hello>"]}  # fmt: skip
    told = {"heals": 12, "rules": {"has_code": 5}, "inputs": ["Write a search"],
            "nearest": [near, {"strategy": "damaged"}], "next_step": "write_for_both"}  # fmt: skip
    run_id = await heal(connection, "held", reason="no_repair_found", detail={"no_repair": told})
    client = await open_console("read")
    page = (await client.get(f"/heals/{run_id}")).text
    for part in ("No repair found in 12 heals", "give them two task types", "Say &lt;hello&gt;",
                 "6 won and 3 lost of 9 pairs", "none begins by itself now"):  # fmt: skip
        assert part in page


async def test_undo_sends_what_serves_and_shows_a_refusal(
    open_console: OpenConsole, connection: Connection
) -> None:
    run_id = await heal(connection)
    [serving] = await load_active_prompts(connection)
    client = await open_console("read", "approve")
    page = (await client.get(f"/heals/{run_id}")).text
    assert "Undo serves the text of version 1 again" in page
    fields = dict(re.findall(r'type="hidden" name="(prompt_id|digest)" value="(\w+)"', page))
    path = f"/runs/{run_id}/undo"
    client.admin.answers["POST", path] = {"version": 3, "prompt_id": 9}
    sent = {**fields, "csrf_token": "token"}
    answer = await client.post(f"/heals/{run_id}/undo", data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/heals/{run_id}")
    body = client.admin.calls[-1][2]
    assert (body.prompt_id, body.digest) == (serving.id, serving.digest)
    refusal = RefusedError("Another prompt serves now.")
    refusal.status_code = 409
    client.admin.answers["POST", path] = refusal
    refused = await client.post(f"/heals/{run_id}/undo", data=sent)
    assert refused.status_code == 409
    assert "Another prompt serves now." in refused.text


async def test_undo_says_how_the_text_did_that_it_brings_back(
    open_console: OpenConsole, connection: Connection
) -> None:
    await count_traffic(connection, 1, 0, 10)
    run_id = await heal(connection)
    client = await open_console("read", "approve")
    page = (await client.get(f"/heals/{run_id}")).text
    assert "Of its last 10 answers 0 % passed." in page


async def test_who_may_not_undo_reads_who_may(
    open_console: OpenConsole, connection: Connection
) -> None:
    run_id = await heal(connection)
    client = await open_console("read")
    page = (await client.get(f"/heals/{run_id}")).text
    assert "Somebody who may approve can undo it here." in page
    assert "Undo serves" not in page


async def test_what_serves_no_longer_is_not_watched_any_more(
    open_console: OpenConsole, connection: Connection
) -> None:
    run_id = await heal(connection)
    client = await open_console("read")
    assert "Being watched" in (await client.get("/heals")).text
    await connection.execute("UPDATE prompts SET is_active = version = 1")
    assert "Being watched" not in (await client.get("/heals")).text
    page = (await client.get(f"/heals/{run_id}")).text
    assert "Ended: another text serves since." in page


async def test_a_form_without_its_token_changes_nothing(
    open_console: OpenConsole, connection: Connection
) -> None:
    run_id = await heal(connection, "proposed")
    client = await open_console("approve", "read")
    answer = await client.post(f"/heals/{run_id}/approve", data={"csrf_token": "other"})
    assert answer.status_code == 403
    assert client.admin.calls == []


@pytest.mark.parametrize("action", ["approve", "reject"])
async def test_a_proposal_is_answered_here(
    open_console: OpenConsole, connection: Connection, action: str
) -> None:
    run_id = await heal(connection, "proposed")
    client = await open_console("approve", "read")
    page = (await client.get(f"/heals/{run_id}")).text
    assert f'action="/heals/{run_id}/{action}"' in page
    client.admin.answers["POST", f"/runs/{run_id}/{action}"] = None
    answer = await client.post(f"/heals/{run_id}/{action}", data={"csrf_token": "token"})
    assert answer.status_code == 303
    assert client.admin.calls == [("POST", f"/runs/{run_id}/{action}", None)]


async def test_a_stale_proposal_can_only_be_rejected(
    open_console: OpenConsole, connection: Connection
) -> None:
    run_id = await heal(connection, "proposed")
    [serving] = await load_active_prompts(connection)
    await patch_prompt(connection, incumbent=serving, patch=Patch("By hand.", "x", "kim"))
    client = await open_console("approve", "read")
    page = (await client.get(f"/heals/{run_id}")).text
    assert "version 2 serves now" in page
    assert f"/heals/{run_id}/approve" not in page
    assert f"/heals/{run_id}/reject" in page


async def test_whoever_asked_is_told_that_another_person_approves(
    open_console: OpenConsole, connection: Connection
) -> None:
    run_id = await heal(connection, "proposed", requested_by="ada")
    client = await open_console("approve", "read")
    client.admin.view = client.admin.view.model_copy(update={"second_person": True})
    page = (await client.get(f"/heals/{run_id}")).text
    assert "Another person has to approve it." in page
    assert f"/heals/{run_id}/approve" not in page


async def test_a_reader_sees_no_button(open_console: OpenConsole, connection: Connection) -> None:
    runs = [await heal(connection, "proposed"), await heal(connection)]
    client = await open_console("read")
    for run_id in runs:
        assert f'action="/heals/{run_id}' not in (await client.get(f"/heals/{run_id}")).text
        assert (await client.post(f"/heals/{run_id}/undo")).status_code == 403


async def test_the_list_filters_pages_and_exports(
    open_console: OpenConsole, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.console.app.pages.heals.PAGE_SIZE", 2)
    held = [await heal(connection, "held", reason="not_better") for _ in range(3)]
    healed = await heal(connection)
    client = await open_console("read")
    first = (await client.get("/heals")).text
    assert f"/heals/{healed}" in first
    assert f"/heals/{held[2]}" in first
    assert f"/heals/{held[1]}" not in first
    [older] = re.findall(r'href="(/heals\?after=[^"]+)" rel="next"', first)
    second = (await client.get(older)).text
    assert [f"/heals/{one}" in second for one in (*held, healed)] == [True, True, False, False]
    only = (await client.get("/heals", params={"outcome": "held"})).text
    assert f"/heals/{healed}" not in only
    export = (await client.get("/heals", params={"format": "json", "outcome": "promoted"})).json()
    assert [(row["id"], row["after_version"]) for row in export] == [(str(healed), 2)]
    nothing = (await client.get("/heals", params={"outcome": "rolled_back"})).text
    assert "No run is like that" in nothing


async def test_runs_of_other_task_types_are_not_seen(
    open_console: OpenConsole, connection: Connection
) -> None:
    run_id = await heal(connection)
    client = await open_console("admin", task_types=["json_extraction"])
    assert str(run_id) not in (await client.get("/heals")).text
    assert (await client.get(f"/heals/{run_id}")).status_code == 404
    sent = {"csrf_token": "token", "prompt_id": "1", "digest": "0" * 64}
    assert (await client.post(f"/heals/{run_id}/undo", data=sent)).status_code == 404
    assert client.admin.calls == []


async def test_text_of_others_shows_as_text(
    open_console: OpenConsole, connection: Connection
) -> None:
    await add_request(connection, HOSTILE + "x" * 200_000)
    detail = {
        **DETAIL,
        "attribution": {"verdict": HOSTILE, "because": [HOSTILE]},
        "candidates": [{"strategy": HOSTILE, "rationale": HOSTILE * 9_999}],
        "inputs": {"used": {"failing-verdict-1": {"source": HOSTILE, "text": HOSTILE}}},
        "failures": {**DETAIL["failures"], "failed_rules": {HOSTILE: 3}},
        "waits_because": HOSTILE,
    }
    run_id = await heal(connection, detail=detail)
    client = await open_console("read")
    page = (await client.get(f"/heals/{run_id}")).text
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert not {"\u202e", "\x1b"} & set(page)
    assert len(page) < 100_000
    assert not re.search(r"<[^>]+\s(style|on\w+)=", page)
    held = await heal(connection, "held", reason=HOSTILE)
    assert not {"\u202e", "\x1b"} & set((await client.get(f"/heals/{held}")).text)


async def test_pages_in_korean(open_console: OpenConsole, connection: Connection) -> None:
    run_id = await heal(connection)
    client = await open_console("read")
    korean = {"accept-language": "ko"}
    page = (await client.get(f"/heals/{run_id}", headers=korean)).text
    assert "치유됨: code_generation 버전 2" in page
    assert "누구의 잘못이며 왜 그렇게 보는가" in page
    assert "모든 실행을 최신순으로" in (await client.get("/heals", headers=korean)).text


async def test_without_a_run_the_list_says_how_one_begins(open_console: OpenConsole) -> None:
    client = await open_console("read")
    assert "selfheal optimize" in (await client.get("/heals")).text
    unknown = await client.get(f"/heals/{uuid4()}")
    assert unknown.status_code == 404


async def test_figures_that_make_no_sense_are_no_error(
    open_console: OpenConsole, connection: Connection
) -> None:
    verdict = DETAIL["verdict"] | {"alpha": 1e-320}
    for minutes in (1e308, -1e308):
        told = {"failures": {"lookback_minutes": minutes}, "verdict": verdict}
        run_id = await heal(connection, "held", detail=told)
        assert (await (await open_console("read")).get(f"/heals/{run_id}")).status_code == 200


async def test_a_task_type_that_can_be_none_has_no_run(open_console: OpenConsole) -> None:
    client = await open_console("read")
    assert (await client.get("/heals?task_type=%00")).status_code == 200
