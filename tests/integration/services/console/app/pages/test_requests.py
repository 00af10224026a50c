"""Page 2: requests are searched, told and run again."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.common.admin.schemas import TrialAnswer
from services.common.evaluation_detail import (
    EvaluationDetail,
    ExecutionDetail,
    JudgeDetail,
    ObservationDetail,
    RuleDetail,
)
from services.console.app.queries import request_search
from services.console.app.queries.request_search import Budget
from services.console.app.web.admin_client import RefusedError

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script></pre>\u202eevil\x1b[31m\x1b]0;x ' \" ` &lt;"
KOREAN = {"accept-language": "ko"}


class Log:
    """Writes what the pages read."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.count = 0

    async def add(self, **columns: Any) -> UUID:
        """Add a request, each a minute after the one before."""
        row = {
            "request_id": uuid4(),
            "task_type": "code_generation",
            "user_input": "Sort a list",
            "worker_output": "def f(): pass",
            "prompt_version": 1,
            "created_at": NOON + timedelta(minutes=self.count),
            **columns,
        }
        self.count += 1
        values = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        await self.connection.execute(
            f"INSERT INTO execution_logs ({', '.join(row)}) VALUES ({values})", *row.values()
        )
        return row["request_id"]

    async def add_conversation(self, request_id: UUID, **columns: Any) -> None:
        """Say that a request came through the door."""
        row = {"messages": [], "model_asked": "code_generation", **columns}
        values = ", ".join(f"${number}" for number in range(2, len(row) + 2))
        await self.connection.execute(
            f"INSERT INTO selfheal.conversations (execution_id, request_id, created_at, "
            f"{', '.join(row)}) SELECT id, request_id, created_at, {values} FROM execution_logs "
            f"WHERE request_id = $1",
            request_id,
            *row.values(),
        )


@pytest.fixture
def log(connection: Any) -> Log:
    return Log(connection)


async def find(console: Any, **filters: Any) -> list[str]:
    """Return the ids that a search lists, in its order."""
    answer = await console.get("/requests", params={**filters, "format": "json"})
    assert answer.status_code == 200
    return [row["request_id"] for row in answer.json()]


async def test_an_empty_log_says_what_to_do(open_console: Any) -> None:
    console = await open_console("read")
    answer = await console.get("/requests")
    assert "No request is logged yet" in answer.text
    assert "selfheal demo --keep" in answer.text


async def test_each_filter_finds_its_requests_newest_first(open_console: Any, log: Log) -> None:
    passed = await log.add(
        evaluation_score=0.9,
        evaluation_passed=True,
        evaluation_detail={"evidence": "checks", "worker": {"model": "Tiny-1"}},
    )
    failed = await log.add(
        evaluation_score=0.2, evaluation_passed=False, prompt_version=2, user_input="Add 100% of _"
    )
    unscored = await log.add(
        error_message="judge_unavailable: nobody",
        evaluation_detail={"error": {"code": "judge_unavailable"}},
    )
    pending = await log.add(worker_output="B\\C")
    closed = await log.add(task_type="json_extraction")
    await log.add_conversation(
        closed, finish_reason="client_closed", session_id="s 1", model_answered="big-2"
    )
    await log.connection.execute(
        "INSERT INTO selfheal.pending_scores (execution_id, task_type, with_judge, rules_share, "
        "judge_share) SELECT id, task_type, TRUE, 1, 1 FROM execution_logs WHERE request_id = $1",
        pending,
    )
    console = await open_console("read")
    code = "code_generation"
    table: list[tuple[dict[str, Any], list[UUID]]] = [
        ({}, [closed, pending, unscored, failed, passed]),
        ({"task_type": code}, [pending, unscored, failed, passed]),
        ({"task_type": code, "version": 1}, [pending, unscored, passed]),
        ({"task_type": code, "version": 2, "outcome": "failed"}, [failed]),
        ({"task_type": code, "version": 2, "outcome": "unscored"}, []),
        ({"task_type": code, "outcome": "unscored"}, [unscored]),
        ({"outcome": "passed"}, [passed]),
        ({"outcome": "pending"}, [pending]),
        ({"outcome": "client_closed"}, [closed]),
        ({"outcome": "not_chosen"}, []),
        ({"score_from": 0.1, "score_to": 0.5}, [failed]),
        ({"model": "tiny"}, [passed]),
        ({"model": "big-2"}, [closed]),
        ({"session": "s 1"}, [closed]),
        ({"session": "s 1", "task_type": code}, []),
        ({"error": "JUDGE_unavailable"}, [unscored]),
        ({"evidence": "checks"}, [passed]),
        ({"since": "2026-11-27T12:03"}, [closed, pending]),
        ({"until": "2026-11-27T21:01+09:00"}, [failed, passed]),
        ({"text": "100% OF _"}, [failed]),
        ({"text": "%"}, [failed]),
        ({"text": "b\\c"}, [pending]),
        ({"text": "s_rt"}, []),
        ({"text": "\x00"}, []),
    ]
    for filters, expected in table:
        assert await find(console, **filters) == [str(one) for one in expected], filters


def next_page(page: str) -> str:
    before, found, _ = page.partition('" rel="next"')
    return before.rpartition('href="')[2].replace("&amp;", "&") if found else ""


async def test_pages_go_on_where_the_last_one_ended(
    open_console: Any, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = [await log.add(created_at=NOON) for _ in range(5)]
    monkeypatch.setattr(request_search, "PAGE", Budget(2, 100, 60))
    console = await open_console("read")
    seen, url = [], "/requests"
    while url:
        page = (await console.get(url)).text
        seen += [str(one) for one in at_once if f"/requests/{one}" in page]
        url = next_page(page)
    assert sorted(seen) == sorted(map(str, at_once))
    assert "These are all that fit." in page


async def test_a_search_says_how_far_it_got_and_goes_on(
    open_console: Any, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = await log.add(user_input="needle")
    for _ in range(4):
        await log.add()
    monkeypatch.setattr(request_search, "PAGE", Budget(50, 3, 60))
    console = await open_console("read")
    page = (await console.get("/requests?text=needle")).text
    assert "Looked at 3 requests, back to <time" in page
    assert "2026-11-27 12:02:00 UTC" in page
    assert "Look further" in page
    assert "needle" not in page.partition("<table")[2]
    url = next_page(page)
    assert str(wanted) in (await console.get(url)).text


async def test_searches_wait_for_one_another_and_no_other_page_for_them(
    open_console: Any, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_search, "MAX_WAIT_SECONDS", 0.01)
    console = await open_console("read")
    turns = console._transport.app.state.search_turns
    for _ in range(request_search.MAX_SEARCHES):
        await turns.acquire()
    refused = await console.get("/requests?text=x")
    assert (refused.status_code, refused.json()["code"]) == (503, "too_many_searches")
    assert (await console.get("/heals")).status_code == 200
    turns.release()
    assert (await console.get("/requests?text=x")).status_code == 200
    assert (await console.get("/requests?text=x")).status_code == 200


async def test_filters_that_make_no_sense_are_named_and_left_out(
    open_console: Any, log: Log
) -> None:
    request_id = await log.add()
    console = await open_console("read")
    for query in ("score_from=2", "since=0001-01-01T00:00%2B14:00", "version=x", "outcome=%00"):
        answer = await console.get(f"/requests?{query}")
        assert answer.status_code == 422
        assert f"left out: {query.partition('=')[0]}." in answer.text
        assert str(request_id) in answer.text


async def test_a_bound_viewer_sees_no_other_task_type(open_console: Any, log: Log) -> None:
    other = await log.add(task_type="secret_things", user_input="of others")
    own = await log.add()
    console = await open_console("operate", "read", task_types=["code_generation"])
    assert await find(console) == [str(own)]
    assert await find(console, task_type="secret_things") == []
    for method, url in (
        ("GET", f"/requests/{other}"),
        ("GET", f"/requests/{other}?format=json"),
        ("GET", f"/requests/{str(other)[:8]}"),
        ("POST", f"/requests/{other}/replay"),
    ):
        data = {"csrf_token": "token", "prompt_id": "1"} if method == "POST" else None
        answer = await console.request(method, url, data=data)
        assert answer.status_code == 404
        assert "of others" not in answer.text
    assert console.admin.calls == []


async def test_an_export_is_cut_and_says_so_in_its_name(
    open_console: Any, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.add(user_input="first")
    await log.add(user_input="=1+1")
    console = await open_console("read")
    whole = await console.get("/requests?format=csv")
    assert 'filename="requests.csv"' in whole.headers["content-disposition"]
    assert "'=1+1" in whole.text
    monkeypatch.setattr(request_search, "EXPORT", Budget(1, 100, 60))
    cut = await console.get("/requests?format=csv")
    assert 'filename="requests-cut.csv"' in cut.headers["content-disposition"]
    assert "first" not in cut.text


async def test_a_request_is_found_by_its_first_digits(open_console: Any, log: Log) -> None:
    ids = [UUID(f"abcdef12-0000-4000-8000-00000000000{digit}") for digit in (1, 2)]
    await log.add(request_id=ids[0])
    console = await open_console("read")
    asked = await console.get("/requests", params={"id": " ABCDEF12 "})
    assert asked.headers["location"] == "/requests/ABCDEF12"
    short = await console.get("/requests/ABCDEF12")
    assert (short.status_code, short.headers["location"]) == (303, f"/requests/{ids[0]}")
    await log.add(request_id=ids[1])
    several = await console.get("/requests/abcdef12")
    assert all(str(one) in several.text for one in ids)
    for wrong in ("abc", "%00%00%00%00%00%00%00%00", "0" * 32):
        answer = await console.get(f"/requests/{wrong}")
        assert answer.status_code == 404
        assert "No such request" in answer.text
    away = await console.get("/requests", params={"id": "//evil.example/x"})
    assert (away.status_code, "location" in away.headers) == (404, False)


async def test_a_request_is_told_from_what_was_asked_to_its_score(
    open_console: Any, log: Log
) -> None:
    detail = EvaluationDetail(
        rule_score=0.5,
        judge_score=0.4,
        capped=True,
        cap_reasons=["its code doesn't load"],
        evidence="examples",
        execution=ExecutionDetail(
            status="finished",
            backend="nsjail",
            observations=[ObservationDetail(ran="f([2, 1])", came_back="[1, 2]", verdict="kept")],
            output="hello from the code",
        ),
        rules=[
            RuleDetail(name="is_complete", weight=0.2, outcome="passed", reason="all is there"),
            RuleDetail(name="has_type_hints", weight=0.1, outcome="failed", reason="no hints"),
        ],
        judge=JudgeDetail(name="rubric", score=0.4, reason="hardly readable"),
    )
    first = await log.add(user_input="an earlier try")
    request_id = await log.add(
        request_id=first,
        evaluation_score=0.44,
        evaluation_passed=False,
        evaluation_detail={**detail.as_json(), "evaluator": {"fingerprint": "fe12"}},
        worker_output="Here:\n```python\ndef f(x):\n    return sorted(x)\n```\nDone.",
    )
    console = await open_console("read")
    page = (await console.get(f"/requests/{request_id}")).text
    for told in (
        *("failed 0.440", "logged 2 times", "its code doesn&#39;t load", "f([2, 1])", "[1, 2]"),
        *("hello from the code", "nsjail", "hardly readable", "rubric", "fe12", "examples"),
        *('<span class="k">def</span>', ">Done.</pre>", 'href="/prompts/1">1</a>'),
    ):
        assert told in page, told
    assert page.index("no hints") < page.index("all is there")
    assert "an earlier try" not in page
    assert "Run it again" not in page


async def test_a_conversation_is_shown_with_roles_calls_and_what_is_no_text(
    open_console: Any, log: Log
) -> None:
    request_id = await log.add(worker_output='[{"id": "c2"}]')
    call = {"id": "c1", "function": {"name": "look_up", "arguments": '{"order": 17}'}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;sha256=ab;bytes=9"}}
    await log.add_conversation(
        request_id,
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "shipped"},
        ],
        tools=[{"type": "function", "function": {"name": "look_up", "description": "By number"}}],
        choices=[{"message": {"role": "assistant", "tool_calls": [call]}}],
        session_id="chat 1",
        input_tokens=1200,
        output_tokens=34,
        provider="openai",
        model_answered="big-2",
        parameters={"selfheal": {"changed": ["messages"]}},
        tags={"trace_id": "4bf92f"},
    )
    page = (await (await open_console("read")).get(f"/requests/{request_id}")).text
    for told in (
        *("Be brief.", "What is it?", "data:image/png;sha256=ab;bytes=9", "look_up", "shipped"),
        *("order&#34;: 17", "By number", "1,200 → 34", "openai", "big-2", "4bf92f"),
        *('href="/requests?session=chat%201"', "too large to be kept whole: messages"),
    ):
        assert told in page, told
    assert '<img src="data:' not in page


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (
            {"error_message": "x: y", "evaluation_detail": {"error": {"code": "judge_invalid"}}},
            "The judge replied twice with something that is no grade.",
        ),
        ({}, "chosen to be scored"),
        ({"worker_output": None, "error_message": "z"}, "There is no answer."),
    ],
)
async def test_what_has_no_score_says_why(
    open_console: Any, log: Log, columns: dict[str, Any], told: str
) -> None:
    request_id = await log.add(**columns)
    page = (await (await open_console("read")).get(f"/requests/{request_id}")).text
    assert told in page


async def test_hostile_text_is_shown_and_does_nothing(open_console: Any, log: Log) -> None:
    line = "x" * 200_000
    fenced = f"```python\n{HOSTILE}\n```\n```{HOSTILE}\n{HOSTILE}\n```\n{line}"
    part = {"name": HOSTILE, "outcome": HOSTILE, "reason": HOSTILE, "weight": 1.0}
    detail = {
        "rules": [part],
        "cap_reasons": [HOSTILE],
        "caveat": HOSTILE,
        "evidence": HOSTILE,
        "reasoning": HOSTILE,
        "judge": {"name": HOSTILE, "reason": HOSTILE, "criteria": [part]},
        "execution": {
            "status": HOSTILE,
            "backend": HOSTILE,
            "output": HOSTILE,
            "observations": [{"ran": HOSTILE, "came_back": line, "verdict": HOSTILE}],
        },
        "error": {"service": HOSTILE, "code": HOSTILE},
        "worker": {"model": HOSTILE},
    }
    request_id = await log.add(
        task_type=HOSTILE[:60],
        user_input=HOSTILE + line,
        worker_output=fenced,
        error_message=HOSTILE,
        evaluation_detail=detail,
    )
    message = {"role": HOSTILE, "content": HOSTILE, "tool_call_id": HOSTILE}
    call = {"function": {"name": HOSTILE, "arguments": HOSTILE}}
    await log.add_conversation(
        request_id,
        messages=[message, {"role": "user", "content": [{"type": HOSTILE, HOSTILE: HOSTILE}]}],
        tools=[{"function": {"name": HOSTILE, "description": HOSTILE, "parameters": HOSTILE}}],
        choices=[{"message": {**message, "tool_calls": [call]}}],
        session_id=HOSTILE,
        end_user=HOSTILE,
        provider=HOSTILE,
        tags=[HOSTILE],
    )
    console = await open_console("read", "operate")
    console.admin.answers["POST", f"/requests/{request_id}/replay"] = TrialAnswer(
        output=fenced, score=0.1, passed=False, detail=detail, error=HOSTILE
    ).model_dump()
    form = {"csrf_token": "token", "prompt_id": "1"}
    pages = [
        await console.get(f"/requests/{request_id}"),
        await console.get(f"/requests/{request_id}?all=1"),
        await console.post(f"/requests/{request_id}/replay", data=form),
        await console.get("/requests", params={"text": HOSTILE[:8], "session": HOSTILE}),
        await console.get("/requests", params={"error": HOSTILE, "task_type": HOSTILE[:60]}),
    ]
    for page in pages:
        assert page.status_code == 200
        # What a field holds is sent back as it is.
        text = re.sub(r'value="[^"]*"', "", page.text)
        for acting in ("<script>alert", "</pre>\\u202e", "\u202e", "\x1b"):
            assert acting not in text
        assert "&lt;script&gt;alert(1)" in page.text
    assert len(pages[0].text) < 200_000
    assert "200,0" in pages[0].text


@pytest.mark.parametrize(
    "detail",
    [
        [1],
        "text",
        7,
        {"rules": {"a": 1}, "judge": [], "execution": "x", "cap_reasons": 5, "error": None},
        {"rules": [None, {"name": 3, "weight": 10**400}], "judge": {"score": "NaN"}},
        {"execution": {"observations": [{"ran": ["x"]}] * 5000}},
    ],
)
async def test_a_detail_of_any_kind_is_no_error(open_console: Any, log: Log, detail: Any) -> None:
    request_id = await log.add(
        evaluation_detail=detail, evaluation_score=float("nan"), evaluation_passed=False
    )
    await log.add_conversation(request_id, messages={"a": 1}, choices=[3], tools="x", tags=[[]])
    console = await open_console("read")
    assert (await console.get(f"/requests/{request_id}")).status_code == 200
    assert (await console.get("/requests?model=a&evidence=checks")).status_code == 200
    assert (await console.get(f"/requests/{request_id}?format=json")).json()["user_input"]


async def test_a_detail_that_is_nested_too_deep_is_left_out(open_console: Any, log: Log) -> None:
    request_id = await log.add()
    deep = "[" * 3000 + "]" * 3000
    await log.connection.execute(
        f"UPDATE execution_logs SET evaluation_detail = '{deep}'::jsonb WHERE request_id = $1",
        request_id,
    )
    page = await (await open_console("read")).get(f"/requests/{request_id}")
    assert "too large to be shown here" in page.text


async def test_the_raw_row_is_given_to_those_who_ask_for_json(open_console: Any, log: Log) -> None:
    request_id = await log.add(user_input="raw")
    await log.add_conversation(request_id, session_id="s")
    console = await open_console("read")
    answer = await console.get(f"/requests/{request_id}", headers={"accept": "application/json"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["user_input"] == "raw"
    assert answer.json()["conversation"]["session_id"] == "s"
    hostile = await log.add(user_input="</script>\u202e글\u2028")
    raw = await console.get(f"/requests/{hostile}?format=json")
    assert not set("<\u202e\u2028") & set(raw.text)
    assert raw.json()["user_input"] == "</script>\u202e글\u2028"
    missing = await console.get(f"/requests/{uuid4()}?format=json")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_request")


async def test_a_request_is_run_again_side_by_side(open_console: Any, log: Log) -> None:
    rules = [{"name": "is_complete", "outcome": "failed", "reason": "old reason"}]
    request_id = await log.add(
        evaluation_score=0.2, evaluation_passed=False, evaluation_detail={"rules": rules}
    )
    prompt_id = await log.connection.fetchval(
        "INSERT INTO prompts (task_type, content, version, is_active) "
        "VALUES ('code_generation', 'x', 7, FALSE) RETURNING id"
    )
    console = await open_console("read", "operate")
    assert f'<option value="{prompt_id}">7' in (await console.get(f"/requests/{request_id}")).text
    console.admin.answers["POST", f"/requests/{request_id}/replay"] = {
        "output": "the new answer",
        "score": 0.91,
        "passed": True,
        "detail": {"rules": [{"name": "is_complete", "outcome": "passed", "reason": "new reason"}]},
        "latency_ms": 321,
    }
    form = {"csrf_token": "token", "prompt_id": str(prompt_id)}
    page = await console.post(f"/requests/{request_id}/replay", data=form)
    method, path, body = console.admin.calls[-1]
    assert (method, path) == ("POST", f"/requests/{request_id}/replay")
    assert body.prompt_id == prompt_id
    for told in ("the new answer", "0.910", "Run again, version 7", "new reason", "def f(): pass"):
        assert told in page.text


async def test_a_replay_that_is_refused_says_why(open_console: Any, log: Log) -> None:
    request_id = await log.add()
    console = await open_console("read", "operate")
    refusal = RefusedError("This request's images weren't kept.")
    refusal.status_code = 409
    url = f"/requests/{request_id}/replay"
    console.admin.answers["POST", url] = refusal
    answer = await console.post(url, data={"csrf_token": "token", "prompt_id": "1"})
    assert answer.status_code == 409
    assert "This request&#39;s images weren&#39;t kept." in answer.text
    for form, status in (
        ({"csrf_token": "token"}, 422),
        ({"csrf_token": "token", "prompt_id": "1e9"}, 422),
        ({"csrf_token": "wrong", "prompt_id": "1"}, 403),
    ):
        assert (await console.post(url, data=form)).status_code == status
    assert len(console.admin.calls) == 1
    reader = await open_console("read")
    assert (await reader.post(url, data={"csrf_token": "token"})).status_code == 403


async def test_both_pages_speak_korean(open_console: Any, log: Log) -> None:
    request_id = await log.add(error_message="x", evaluation_detail={"error": {"code": "timeout"}})
    console = await open_console("read", "operate")
    listed = (await console.get("/requests", headers=KOREAN)).text
    assert "요청 내용" in listed
    told = (await console.get(f"/requests/{request_id}", headers=KOREAN)).text
    assert "서비스가 제한 시간을 넘겼습니다." in told
    assert "다른 버전으로 재실행" in told


async def test_a_request_of_a_rollout_says_its_arm(open_console: Any, log: Log) -> None:
    worker = {"rollout": str(uuid4()), "arm": "candidate", "unit": "u"}
    request_id = await log.add(evaluation_detail={"worker": worker}, prompt_version=1)
    console = await open_console("read")
    page = (await console.get(f"/requests/{request_id}")).text
    assert f"<dt>Rollout and arm</dt><dd>{worker['rollout']} candidate</dd>" in page
    assert 'href="/prompts/1"' not in page


async def test_texts_that_were_removed_are_said_to_be(open_console: Any, log: Log) -> None:
    console = await open_console("read")
    removed = {"removed": {"by": "BODY_RETENTION_DAYS", "at": "2026-11-01T00:00:00+00:00"}}
    request_id = await log.add(user_input="", worker_output=None, evaluation_detail=removed)
    await log.add_conversation(request_id)
    for path in (f"/requests/{request_id}", "/requests", "/requests?format=csv"):
        page = await console.get(path)
        assert page.status_code == 200
        assert "removed by BODY_RETENTION_DAYS" in page.text, path
    page = await console.get(f"/requests/{request_id}")
    assert page.text.count("removed by BODY_RETENTION_DAYS") == 2
