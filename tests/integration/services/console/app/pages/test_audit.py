"""The audit: who sees which changes, filters, pages and files."""

import csv
import io

import pytest

from services.console.app.pages.audit import ROWS

HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script> \u202e"


@pytest.fixture
async def changes(connection):
    """One prompt of another task type beside the seed, a key, and a person's change."""
    role = await connection.fetchval("SELECT session_user")
    await connection.execute("INSERT INTO selfheal.trusted_roles VALUES ($1)", role)
    async with connection.transaction():
        await connection.execute("SELECT set_config('selfheal.person', 'ada', TRUE)")
        await connection.execute("UPDATE prompts SET is_active = FALSE")
    await connection.execute(
        "INSERT INTO prompts (task_type, content, version, created_by)"
        " VALUES ('secret_type', $1, 1, 'kim')",
        HOSTILE,
    )
    await connection.execute(
        "INSERT INTO selfheal.api_keys (id, secret_sha256, name, scopes)"
        " VALUES ('k1', 'bytes', 'chatbot', '{serve}')"
    )
    yield
    await connection.execute("DELETE FROM selfheal.trusted_roles WHERE role = $1", role)


async def test_who_what_and_the_difference_are_told(open_console, changes):
    page = (await (await open_console()).get("/settings/audit")).text
    assert "<strong>ada</strong>" in page
    assert "<del>True</del> <ins>False</ins>" in page
    assert "database user" in page
    assert "chatbot" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page


async def test_an_update_that_changed_nothing_says_so(open_console, connection):
    await connection.execute("UPDATE prompts SET is_active = is_active")
    assert "the same values again" in (await (await open_console()).get("/settings/audit")).text


async def test_a_reader_sees_prompts_and_no_changes_of_keys(open_console, changes):
    page = (await (await open_console("read")).get("/settings/audit")).text
    assert "secret_type" in page
    assert "chatbot" not in page


async def test_a_bound_reader_sees_their_own_task_types_alone(open_console, changes):
    client = await open_console("read", task_types=["code_generation"])
    for address in ("", "?task_type=secret_type", "?format=csv", "?format=json"):
        shown = (await client.get(f"/settings/audit{address}")).text
        assert "kim" not in shown
        assert "chatbot" not in shown


@pytest.mark.parametrize(
    ("query", "there", "missing"),
    [
        ("who=ada", "code_generation", "secret_type"),
        ("kind=key", "chatbot", "secret_type"),
        ("task_type=secret_type", "secret_type", "chatbot"),
        ("who=%00&kind=nonsense", "chatbot", "Nothing is recorded"),
    ],
)
async def test_it_is_filtered(open_console, changes, query, there, missing):
    page = (await (await open_console()).get(f"/settings/audit?{query}")).text
    table = page.partition("<tbody>")[2]
    assert there in table
    assert missing not in table


async def test_a_database_user_is_found_where_no_person_is_known(open_console, connection):
    await connection.execute("UPDATE prompts SET version = 2")
    user = await connection.fetchval("SELECT session_user")
    client = await open_console()
    assert "prompt 1" in (await client.get(f"/settings/audit?who={user}")).text
    assert "Nothing is recorded" in (await client.get("/settings/audit?who=nobody")).text


async def test_it_goes_page_by_page_without_a_gap(open_console, connection):
    for version in range(2, ROWS + 12):
        await connection.execute("UPDATE prompts SET version = $1", version)
    client = await open_console()
    first = (await client.get("/settings/audit")).text
    assert first.count("<tr>") == ROWS + 1
    older = first.rpartition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = (await client.get(older.replace("&amp;", "&"))).text
    assert second.count("<tr>") == await count_audit(connection) - ROWS + 1


async def count_audit(connection) -> int:
    return await connection.fetchval("SELECT count(*) FROM selfheal.audit")


async def test_as_a_file_nothing_in_it_is_a_formula(open_console, changes):
    client = await open_console()
    sent = await client.get("/settings/audit?format=csv&task_type=secret_type")
    [row] = csv.DictReader(io.StringIO(sent.text.removeprefix("\ufeff")))
    assert row["object"].startswith("prompt ")
    assert "calc" in row["after"]
    whole = (await client.get("/settings/audit?format=json")).json()
    assert {one["object"].split()[0] for one in whole} == {"prompt", "key"}
    assert all("secret_sha256" not in (one["after"] or {}) for one in whole)


async def test_an_empty_one_says_what_will_come(open_console, connection):
    page = await (await open_console()).get(
        "/settings/audit?who=nobody", headers={"accept-language": "ko"}
    )
    assert "기록이 없습니다" in page.text
