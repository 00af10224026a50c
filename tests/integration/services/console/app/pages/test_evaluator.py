"""Evaluator: what is told of it, and answers that are judged."""

import pytest

from services.console.app.web.admin_client import RefusedError

HOSTILE = "<script>alert(1)</script> \u202e \x1b[31mevil"
STEADY = {
    "degraded": False,
    "fingerprint": "abc123",
    "sandbox": {"backend": "jail", "problem": "", "layers": ["uid", "seccomp"]},
    "canary": {
        "state": "steady",
        "agreement": 0.95,
        "baseline": 0.96,
        "wrong": ["sort-1"],
        "checked_at": "2026-01-01T00:00:00+00:00",
    },
    "canary_history": [
        {"agreement": 0.96, "checked_at": "2025-12-31T23:00:00+00:00"},
        {"agreement": 0.875, "checked_at": "2026-01-01T00:00:00+00:00"},
    ],
    "judge": "rubric",
    "calibration": None,
}
FORM = {
    "task_type": "code_generation",
    "user_input": "Add two numbers",
    "worker_output": "def add(a, b): return a - b",
    "csrf_token": "token",
}
DETAIL = {
    "rule_score": 0.4,
    "judge_score": 0.5,
    "cap_reasons": ["add(1, 2) gave -1"],
    "rules": [{"name": "keeps_the_examples", "weight": 0.25, "outcome": "failed", "reason": "-1"}],
    "judge": {"name": "rubric", "criteria": [{"name": "responds", "grade": 1.0, "reason": "yes"}]},
    "execution": {
        "status": "finished",
        "output": HOSTILE,
        "observations": [
            {"ran": "add(1, 2)", "came_back": "-1", "expected": "3", "verdict": "contradicted"}
        ],
    },
}


@pytest.fixture
def open_evaluator(open_console, connection):
    async def open_it(*scopes: str, evaluator=STEADY, **options):
        client = await open_console(*scopes, **options)
        client.admin.answers["GET", "/condition"] = {
            "checks": [],
            "versions": {},
            "evaluator": evaluator,
        }
        return client

    return open_it


@pytest.mark.parametrize(
    ("evaluator", "told"),
    [
        (STEADY, "It judges as it did"),
        (STEADY | {"degraded": True}, "nothing is healed by its scores"),
        (STEADY | {"canary": {"state": "waiting"}}, "have shown nothing yet"),
        (STEADY | {"sandbox": {"backend": "none", "problem": "SANDBOX=off"}}, "runs no code"),
        (None, "The Evaluator gives no answer"),
        (
            {"sandbox": 3, "canary": [], "judge": 1, "calibration": {"calibrated_at": "soon"}},
            "shown nothing yet",
        ),
    ],
)
async def test_one_sentence_says_how_it_is(open_evaluator, evaluator, told):
    client = await open_evaluator("read", evaluator=evaluator)
    assert told in (await client.get("/evaluator")).text


async def test_canaries_judge_and_sandbox_are_told(open_evaluator):
    calibration = {"summary": "Usable: 0.5.", "calibrated_at": "2026-01-02T00:00Z"}
    client = await open_evaluator("read", evaluator=STEADY | {"calibration": calibration})
    page = (await client.get("/evaluator")).text
    for told in ("95.0 %", "96.0 %", "sort-1", "seccomp", "Usable: 0.5.", "2026-01-02", "87.5 %"):
        assert told in page


async def test_fingerprints_are_the_viewer_s_own(open_evaluator, connection):
    await connection.execute(
        "INSERT INTO selfheal.fingerprints VALUES"
        " ('code_generation', 'old-print', NOW() - interval '2 days', NOW() - interval '1 day'),"
        " ('code_generation', 'new-print', NOW() - interval '1 day', NOW()),"
        " ('secret_type', 'secret-print', NOW(), NOW())"
    )
    client = await open_evaluator("read", task_types=["code_generation"])
    page = (await client.get("/evaluator")).text
    assert page.index("new-print") < page.index("old-print")
    assert page.count(">now</span>") == 1
    assert "secret-print" not in page


async def test_an_answer_is_judged_and_the_verdict_shown(open_evaluator):
    client = await open_evaluator("read", "operate")
    client.admin.answers["POST", "/evaluations"] = {"score": 0.4, "passed": False, "detail": DETAIL}
    page = (await client.post("/evaluator", data=FORM)).text
    for told in ("failed 0.400", "keeps the examples", "contradicted", "add(1, 2) gave -1"):
        assert told in page
    assert FORM["worker_output"] in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    [body] = [body for method, _, body in client.admin.calls if method == "POST"]
    assert body.model_dump() == {name: FORM[name] for name in body.model_dump()}


async def test_an_answer_without_a_score_says_why(open_evaluator):
    client = await open_evaluator()
    client.admin.answers["POST", "/evaluations"] = {"error": "The judge gave no reply."}
    page = (await client.post("/evaluator", data=FORM)).text
    assert "It has no score. The judge gave no reply." in page


async def test_a_refusal_keeps_what_was_typed(open_evaluator):
    client = await open_evaluator()
    error = RefusedError("Too much at once.")
    error.status_code = 429
    client.admin.answers["POST", "/evaluations"] = error
    page = await client.post("/evaluator", data=FORM | {"user_input": "\n  kept </textarea>"})
    assert page.status_code == 429
    assert "Too much at once." in page.text
    assert "\n\n  kept &lt;/textarea&gt;" in page.text


@pytest.mark.parametrize(
    ("scope", "bound", "change", "status"),
    [
        ("read", None, {}, 403),
        ("operate", ["other"], {}, 403),
        ("operate", None, {"csrf_token": "another"}, 403),
        ("operate", None, {"user_input": ""}, 422),
    ],
)
async def test_nothing_is_judged_for_those_who_may_not(
    open_evaluator, scope, bound, change, status
):
    client = await open_evaluator("read", scope, task_types=bound)
    assert (await client.post("/evaluator", data=FORM | change)).status_code == status
    assert not [call for call in client.admin.calls if call[0] == "POST"]


async def test_readers_see_no_box_and_korean_is_spoken(open_evaluator):
    page = await (await open_evaluator("read")).get("/evaluator", headers={"accept-language": "ko"})
    assert "평가기가 이전과 같게 판단합니다" in page.text
    assert "<textarea" not in page.text
