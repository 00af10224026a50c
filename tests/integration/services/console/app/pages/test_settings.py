"""Settings: what administrators are shown, and what their forms ask of the Manager."""

from html import escape
from uuid import uuid4

import pytest

from services.common.access.key_records import store_key
from services.common.access.keys import generate_key
from services.common.errors import ForbiddenError
from services.console.app.web.admin_client import RefusedError

HOSTILE = "<script>alert(1)</script> \u202eevil \x1b[31m"
KEY_ID = "0123456789ab"
NEW_KEY = {"id": KEY_ID, "key": f"sh_{KEY_ID}_" + "x" * 43}


def refuse(status: int, message: str) -> RefusedError:
    error = RefusedError(message)
    error.status_code = status
    return error


async def make_key(connection, name: str = "chatbot"):
    key = generate_key()
    await store_key(connection, key, name=name, scopes=["serve"], task_types=None, expires_at=None)
    return key


async def add_user(connection, name: str = "bora", issuer: str | None = None) -> int:
    return await connection.fetchval(
        "INSERT INTO selfheal.users (name, issuer, subject, role, password_hash)"
        " VALUES ($1, $2, $3, 'viewer', $4) RETURNING id",
        name,
        issuer,
        issuer and "subject-1",
        None if issuer else "$argon2id$secret",
    )


@pytest.mark.parametrize(
    ("scope", "tab"), [("admin", "/settings/keys"), ("read", "/settings/condition")]
)
async def test_the_first_tab_is_one_that_may_be_seen(open_console, connection, scope, tab):
    client = await open_console(scope)
    assert (await client.get("/settings")).headers["location"] == tab


@pytest.mark.parametrize("tab", ["keys", "people", "message"])
@pytest.mark.parametrize("scope", ["read", "operate", "approve"])
async def test_only_an_administrator_sees_what_is_theirs(open_console, connection, scope, tab):
    client = await open_console(scope)
    assert (await client.get(f"/settings/{tab}")).status_code == ForbiddenError.status_code


@pytest.mark.parametrize("tab", ["keys", "people", "message"])
async def test_an_administrator_of_some_task_types_sees_no_tab_of_all(
    open_console, connection, tab
):
    client = await open_console("admin", task_types=["letters"])
    assert (await client.get(f"/settings/{tab}")).status_code == ForbiddenError.status_code
    assert (await client.get("/settings")).headers["location"] == "/settings/condition"
    assert f'href="/settings/{tab}"' not in (await client.get("/settings/audit")).text


async def test_keys_are_listed_without_their_secrets(open_console, connection):
    key = await make_key(connection, HOSTILE)
    page = (await (await open_console()).get("/settings/keys")).text
    assert key.id in page
    assert key.text.split("_", 2)[2] not in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page


async def test_without_keys_it_says_when_one_is_needed(open_console, connection):
    client = await open_console()
    assert "No keys yet" in (await client.get("/settings/keys")).text
    korean = await client.get("/settings/keys", headers={"accept-language": "ko"})
    assert "아직 키가 없습니다" in korean.text


async def test_a_new_key_is_shown_once_and_kept_by_no_cache(open_console, connection):
    client = await open_console()
    client.admin.answers["POST", "/keys"] = NEW_KEY
    form = {"name": "bot", "scopes": ["serve", "read"], "task_types": "a, b", "days": "90"}
    page = await client.post("/settings/keys", data=form | {"csrf_token": "token"})
    assert NEW_KEY["key"] in page.text
    assert "no-store" in page.headers["cache-control"]
    [(_, _, body)] = client.admin.calls
    assert body.model_dump() == {
        "name": "bot",
        "scopes": ["serve", "read"],
        "task_types": ["a", "b"],
        "days": 90,
    }
    assert NEW_KEY["key"] not in (await client.get("/settings/keys")).text


async def test_a_key_without_a_scope_is_refused_before_the_manager_is_asked(
    open_console, connection
):
    client = await open_console()
    page = await client.post("/settings/keys", data={"name": "bot", "csrf_token": "token"})
    assert page.status_code == 422
    assert "scopes:" in page.text
    assert not client.admin.calls


async def test_a_key_is_revoked(open_console, connection):
    client = await open_console()
    client.admin.answers["DELETE", f"/keys/{KEY_ID}"] = None
    answer = await client.post(f"/settings/keys/{KEY_ID}/revoke", data={"csrf_token": "token"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings/keys")


@pytest.mark.parametrize("key_id", ["..", "a?b", "%2e%2e", "ABC"])
async def test_what_is_no_key_id_reaches_no_route_of_the_manager(open_console, connection, key_id):
    client = await open_console()
    answer = await client.post(f"/settings/keys/{key_id}/revoke", data={"csrf_token": "token"})
    assert answer.status_code >= 400
    assert not client.admin.calls


async def test_people_are_listed_without_what_they_sign_in_with(open_console, connection):
    await add_user(connection, HOSTILE)
    await add_user(connection, "chul", "https://idp.example.com")
    page = (await (await open_console()).get("/settings/people")).text
    assert "chul" in page
    assert "https://idp.example.com" in page
    assert "argon2id" not in page
    assert "subject-1" not in page
    assert "<script>alert" not in page


async def test_an_account_is_made_and_a_refusal_is_told(open_console, connection):
    client = await open_console()
    form = {"name": "bora", "password": "correct horse battery", "role": "operator"}
    client.admin.answers["POST", "/users"] = {}
    answer = await client.post("/settings/people", data=form | {"csrf_token": "token"})
    assert answer.status_code == 303
    client.admin.answers["POST", "/users"] = refuse(409, "There is an account of that name.")
    page = await client.post("/settings/people", data=form | {"csrf_token": "token"})
    assert page.status_code == 409
    assert "There is an account of that name." in page.text
    assert form["password"] not in page.text


async def test_a_short_password_is_refused_and_not_repeated(open_console, connection):
    client = await open_console()
    form = {"name": "bora", "password": "hunter2", "role": "viewer", "csrf_token": "token"}
    page = await client.post("/settings/people", data=form)
    assert page.status_code == 422
    assert "password:" in page.text
    assert "hunter2" not in page.text


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        ({"role": "approver"}, {"role": "approver"}),
        ({"password": "correct horse battery"}, {"password": "correct horse battery"}),
        ({"is_disabled": "true"}, {"is_disabled": True}),
        ({"is_disabled": "false"}, {"is_disabled": False}),
    ],
)
async def test_of_an_account_only_what_was_sent_is_changed(open_console, connection, sent, body):
    client = await open_console()
    client.admin.answers["PATCH", "/users/7"] = {}
    await client.post("/settings/people/7", data=sent | {"csrf_token": "token"})
    [(_, _, change)] = client.admin.calls
    assert change.model_dump(exclude_none=True) == body


@pytest.mark.parametrize(
    "path",
    ["keys", f"keys/{KEY_ID}/revoke", "people", "people/1", "message"],
)
async def test_a_form_of_another_page_changes_nothing(open_console, connection, path):
    client = await open_console()
    form = {"name": "x", "scopes": "serve", "csrf_token": "another"}
    assert (await client.post(f"/settings/{path}", data=form)).status_code == 403
    assert not client.admin.calls


@pytest.mark.parametrize(
    ("state", "told"),
    [("waiting", "waits for an Optimizer"), ("finished", "was sent"), ("failed", "<b>HTTP 500")],
)
async def test_what_became_of_a_test_message_is_told(open_console, connection, state, told):
    client = await open_console()
    job = {
        "id": str(uuid4()),
        "kind": "message",
        "state": state,
        "requested_by": "ada",
        "created_at": "2026-01-01T00:00:00+00:00",
        "error": "<b>HTTP 500" if state == "failed" else None,
    }
    client.admin.answers["POST", "/message"] = job
    client.admin.answers["GET", f"/jobs/{job['id']}"] = job
    sent = await client.post("/settings/message", data={"csrf_token": "token"})
    page = (await client.get(sent.headers["location"])).text
    assert escape(told) in page
    assert "<b>" not in page


async def test_the_condition_is_shown_to_readers_with_its_remedies(open_console, connection):
    client = await open_console("read")
    client.admin.answers["GET", "/condition"] = {
        "checks": [{"name": "worker", "found": HOSTILE, "result": "fail", "remedy": "Start it."}],
        "versions": {"postgresql": "16.4"},
    }
    page = (await client.get("/settings/condition")).text
    assert "Start it." in page
    assert "16.4" in page
    assert "<script>alert" not in page


async def test_a_manager_that_refuses_to_tell_its_condition_is_quoted(open_console, connection):
    client = await open_console("read")
    client.admin.answers["GET", "/condition"] = refuse(503, "The Manager rests.")
    page = await client.get("/settings/condition")
    assert page.status_code == 503
    assert "The Manager rests." in page.text
