"""Versions of prompts, their differences, and what serves changed with a word before."""

import csv
import re
from collections.abc import Awaitable, Callable

import asyncpg
import httpx
import pytest

from services.common.models import Prompt
from services.common.record.activation import Patch, patch_prompt
from services.common.record.prompts import load_active_prompts
from services.console.app.web.admin_client import RefusedError

OpenConsole = Callable[..., Awaitable[httpx.AsyncClient]]
Connection = asyncpg.Connection
ADD_TRAFFIC = """
    INSERT INTO selfheal.traffic (task_type, bucket, prompt_version, requests, unscored, scored,
        passed, score_sum, latency_ms_sum, input_tokens, output_tokens)
    VALUES ('code_generation', now() - $2 * interval '1 day', $1, 10, 0, 10, $3::integer, 7.5,
        0, 0, 0)
"""
HOSTILE = "<script>alert(1)</script> {{ 7 * 7 }} {% raw %} \u202e \x1b[31m"


async def serve(
    connection: Connection, content: str, *, reason: str = "why", by: str = "kim"
) -> Prompt:
    """Let a text serve in place of what serves."""
    [serving] = await load_active_prompts(connection)
    await patch_prompt(connection, incumbent=serving, patch=Patch(content, reason, by))
    return (await load_active_prompts(connection))[0]


async def count_traffic(connection: Connection, version: int, age: int, passed: int) -> None:
    await connection.execute(ADD_TRAFFIC, version, age, passed)


async def test_versions_are_listed_with_who_why_and_how_they_did(
    open_console: OpenConsole, connection: Connection
) -> None:
    await serve(connection, "Answer kindly.", reason="friendlier", by="park")
    await count_traffic(connection, 2, 0, 4)
    await count_traffic(connection, 2, 2, 9)  # an earlier version of that number
    client = await open_console("read")
    page = (await client.get("/prompts")).text
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[1:]
    assert len(rows) == 2
    for words in ("serves", "friendlier", "park", "40 %", "0.750", ">10<", "Answer kindly."):
        assert words in rows[0], words


async def test_the_list_pages_and_exports(
    open_console: OpenConsole, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.console.app.pages.prompts.PAGE_SIZE", 2)
    for number in range(3):
        await serve(connection, f"text {number}")
    client = await open_console("read")
    first = (await client.get("/prompts")).text
    [older] = re.findall(r'href="(/prompts\?after=[^"]+)" rel="next"', first)
    second = (await client.get(older)).text
    assert ("text 2" in first, "text 0" in first) == (True, False)
    assert ("text 2" in second, "text 0" in second) == (False, True)
    export = (await client.get("/prompts?format=csv")).text
    rows = list(csv.DictReader(export.lstrip("\ufeff").splitlines()))
    assert [row["version"] for row in rows] == ["4", "3", "2", "1"]


async def test_two_versions_are_compared_word_by_word(
    open_console: OpenConsole, connection: Connection
) -> None:
    one = await serve(connection, "Write {{language}} code.\nBe brief.")
    other = await serve(connection, "Write {{language}} code with tests.\nBe brief.")
    client = await open_console("read")
    page = (await client.get(f"/prompts/compare?from={one.id}&to={other.id}")).text
    assert "Write {{language}} code<ins> with tests</ins>.\nBe brief." in page


async def test_an_activation_says_what_will_happen_and_sends_what_was_seen(
    open_console: OpenConsole, connection: Connection
) -> None:
    [seed] = await load_active_prompts(connection)
    serving = await serve(connection, "Answer kindly.")
    client = await open_console("read", "approve")
    url = f"/prompts/{seed.id}/activate"
    page = (await client.get(url)).text
    assert "The text of version 1 serves as a new version, in place of version 2" in page
    path = ("POST", "/prompts/code_generation/activate")
    client.admin.answers[path] = {"version": 3, "prompt_id": seed.id}
    sent = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.split("<form")[-1]))
    answer = await client.post(url, data=sent | {"reason": "it was better"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/prompts/{seed.id}")
    body = client.admin.calls[-1][2]
    assert (body.serving.prompt_id, body.serving.digest) == (serving.id, serving.digest)
    assert (body.prompt_id, body.content, body.reason) == (seed.id, None, "it was better")
    refusal = RefusedError("The active prompt changed in the meantime.")
    refusal.status_code = 409
    client.admin.answers[path] = refusal
    refused = await client.post(url, data=sent)
    assert refused.status_code == 409
    assert "changed in the meantime" in refused.text


async def test_where_two_have_to_agree_an_activation_becomes_a_proposal(
    open_console: OpenConsole, connection: Connection
) -> None:
    [seed] = await load_active_prompts(connection)
    serving = await serve(connection, "Answer kindly.")
    client = await open_console("approve", "read")
    client.admin.view = client.admin.view.model_copy(update={"second_person": True})
    url = f"/prompts/{seed.id}/activate"
    assert "another person has to approve it" in (await client.get(url)).text
    run_id = "00000000-0000-4000-8000-000000000001"
    client.admin.answers["POST", "/prompts/code_generation/activate"] = {"waiting_run_id": run_id}
    sent = {"csrf_token": "token", "prompt_id": serving.id, "digest": serving.digest}
    answer = await client.post(url, data=sent)
    assert answer.headers["location"] == f"/heals/{run_id}"


async def test_a_rollback_names_the_text_that_comes_back(
    open_console: OpenConsole, connection: Connection
) -> None:
    serving = await serve(connection, "Answer kindly.")
    client = await open_console("approve", "read")
    page = (await client.get("/prompts/rollback?task_type=code_generation")).text
    assert "The text of version 1 serves as a new version, in place of version 2" in page
    client.admin.answers["POST", "/prompts/code_generation/rollback"] = {"prompt_id": 7}
    sent = {"csrf_token": "token", "prompt_id": serving.id, "digest": serving.digest}
    answer = await client.post("/prompts/rollback", data=sent | {"task_type": "code_generation"})
    assert answer.headers["location"] == "/prompts/7"


async def test_a_rollback_without_an_earlier_text_is_refused(open_console: OpenConsole) -> None:
    client = await open_console("approve")
    url, browser = "/prompts/rollback?task_type=code_generation", {"accept": "text/html"}
    assert "There is nothing to go back to" in (await client.get(url, headers=browser)).text
    sent = {"csrf_token": "token", "prompt_id": "1", "digest": "0" * 64}
    answer = await client.post("/prompts/rollback", data=sent | {"task_type": "code_generation"})
    assert answer.status_code == 409
    assert client.admin.calls == []


async def test_a_form_without_its_token_or_what_served_changes_nothing(
    open_console: OpenConsole, connection: Connection
) -> None:
    [seed] = await load_active_prompts(connection)
    client = await open_console("approve")
    url = f"/prompts/{seed.id}/activate"
    assert (await client.post(url, data={"csrf_token": "x"})).status_code == 403
    assert (await client.post(url, data={"csrf_token": "token"})).status_code == 422
    assert client.admin.calls == []


async def test_prompts_of_other_task_types_are_not_seen(
    open_console: OpenConsole, connection: Connection
) -> None:
    [seed] = await load_active_prompts(connection)
    client = await open_console("admin", task_types=["json_extraction"])
    assert "No prompt is here yet" in (await client.get("/prompts")).text
    assert (await client.get("/prompts?task_type=code_generation")).status_code == 403
    for url in (f"/prompts/{seed.id}", f"/prompts/{seed.id}/activate",
                f"/prompts/compare?from={seed.id}&to={seed.id}", "/prompts/99", "/prompts/x",
                f"/prompts/draft?from={seed.id}", f"/prompts/{'9' * 5_000}"):  # fmt: skip
        assert (await client.get(url)).status_code == 404, url
    assert (await client.get("/prompts/rollback?task_type=code_generation")).status_code == 403


async def test_who_may_read_alone_sees_no_way_to_change(
    open_console: OpenConsole, connection: Connection
) -> None:
    [seed] = await load_active_prompts(connection)
    await serve(connection, "Answer kindly.")
    client = await open_console("read")
    for url in ("/prompts", f"/prompts/{seed.id}"):
        page = (await client.get(url)).text
        assert "/activate" not in page
        assert "/prompts/draft" not in page
    assert (await client.get(f"/prompts/{seed.id}/activate")).status_code == 403


async def test_text_of_others_shows_as_text(
    open_console: OpenConsole, connection: Connection
) -> None:
    [seed] = await load_active_prompts(connection)
    prompt = await serve(connection, HOSTILE + "x" * 200_000, reason=HOSTILE, by=HOSTILE[:60])
    client = await open_console("read", "operate", "approve")
    for url in ("/prompts", f"/prompts/{prompt.id}", f"/prompts/{seed.id}/activate",
                f"/prompts/compare?from={seed.id}&to={prompt.id}",
                f"/prompts/draft?from={prompt.id}"):  # fmt: skip
        page = (await client.get(url)).text
        assert "{{ 7 * 7 }}" in page, url
        assert "<script>alert" not in page, url
        if "draft" not in url:  # what is edited has to stay what it is
            assert not {"\u202e", "\x1b"} & set(page), url
        assert len(page) < 250_000, url


async def test_pages_in_korean(open_console: OpenConsole, connection: Connection) -> None:
    [seed] = await load_active_prompts(connection)
    client = await open_console("read", "operate")
    korean = {"accept-language": "ko"}
    assert "서비스 중" in (await client.get("/prompts", headers=korean)).text
    assert (
        "code_generation 버전 1" in (await client.get(f"/prompts/{seed.id}", headers=korean)).text
    )


async def test_a_task_type_that_can_be_none_has_no_version(open_console: OpenConsole) -> None:
    client = await open_console()
    assert (await client.get("/prompts?task_type=%00")).status_code == 200
    assert (await client.get("/prompts/rollback?task_type=%00")).status_code == 404
