"""Who gets into the admin API and out of it, and what attacks on the way there come to."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from services.common.access.accounts import Account, change_account
from services.common.access.keys import hash_secret
from services.common.access.passwords import hash_password

Connection = asyncpg.Connection
StartConsole = Callable[..., Awaitable[Any]]
MakeAccount = Callable[..., Awaitable[Account]]

ANOTHER_PASSWORD = "another good one"
KEY = {"name": "x", "scopes": ["serve"]}
AUDIT = """
    SELECT person, action, object, after FROM selfheal.audit WHERE action LIKE 'sign%' ORDER BY id
"""


async def test_who_sits_at_this_machine_is_everybody_until_there_is_an_account(
    start_console: StartConsole, make_account: MakeAccount
) -> None:
    console = await start_console()
    view = await console.view()
    assert view["person"] == {
        "name": "local", "kind": "local", "scopes": ["admin"], "task_types": None,
    }  # fmt: skip
    assert (view["password"], view["oidc"], view["second_person"]) == (False, False, False)
    body = {"name": "alice", "password": "correct horse battery", "role": "admin"}
    made = await console.call("POST", "/users", body)
    assert made.status_code == 201, made.text
    view = await console.view()
    assert (view["person"], view["password"]) == (None, True)
    refused = await console.call("POST", "/users", body | {"name": "bob"})
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert (await console.sign_in("ALICE")).status_code == 200
    assert (await console.call("POST", "/users", body | {"name": "bob"})).status_code == 201


@pytest.mark.parametrize(
    "settings", [{"require_keys": True}, {"bind_host": "0.0.0.0", "allow_open": "yes-i-know"}]
)
async def test_nobody_is_local_where_others_could_be_meant(
    settings: dict[str, Any], start_console: StartConsole, connection: Connection
) -> None:
    console = await start_console(**settings)
    assert (await console.view())["person"] is None
    assert (
        await console.call("POST", "/keys", {"name": "x", "scopes": ["serve"]})
    ).status_code == 401


@pytest.mark.parametrize("published_host", ["127.0.0.1", None])
async def test_in_a_container_the_console_alone_says_that_somebody_sits_at_this_machine(
    published_host: str | None,
    start_console: StartConsole,
    make_account: MakeAccount,
    tmp_path: Path,
) -> None:
    file = tmp_path / "token"
    file.write_text("the-token\n")
    console = await start_console(
        published_host=published_host,
        bind_host="0.0.0.0" if published_host else "127.0.0.1",
        console_token_file=file,
        internal_token=SecretStr("the-internal-token"),
    )
    for shown in ({}, {"X-Console-Token": ""}, {"X-Console-Token": "the-internal-token"},
                  {"X-Internal-Token": "the-internal-token"}):  # fmt: skip
        console.headers = {"Host": "localhost:8000", **shown}
        assert (await console.view())["person"] is None, shown
        for route in (("GET", "/condition"), ("POST", "/keys")):
            assert (await console.call(*route, KEY)).status_code == 401, shown
    console.headers["X-Console-Token"] = "the-token"
    assert (await console.view())["person"]["name"] == "local"
    assert (await console.call("POST", "/keys", KEY)).status_code == 201
    await make_account("alice")
    assert (await console.view())["person"] is None


async def test_in_a_container_without_a_token_nobody_is_local(start_console: StartConsole) -> None:
    console = await start_console(published_host="127.0.0.1", bind_host="0.0.0.0")
    for shown in ("", "None", "x"):
        console.headers["X-Console-Token"] = shown
        assert (await console.view())["person"] is None, shown


async def test_a_session_begins_is_known_and_ends(
    start_console: StartConsole, make_account: MakeAccount, connection: Connection, trusted: None
) -> None:
    alice = await make_account("alice", "operator", ["poetry"])
    console = await start_console(require_second_person=True)
    began = await console.sign_in("alice")
    assert began.headers["cache-control"] == "no-store"
    assert began.json()["person"] == {
        "name": "alice", "kind": "user", "scopes": ["read", "operate"], "task_types": ["poetry"],
    }  # fmt: skip
    assert began.json()["second_person"] is True
    assert len(console.session) == len("ses_") + 43
    kept = await connection.fetchrow("SELECT * FROM selfheal.sessions")
    assert kept["token_sha256"] == hash_secret(console.session)
    assert console.session not in str(kept)
    assert (await console.view())["person"]["name"] == "alice"

    assert (await console.call("DELETE", "/session")).status_code == 204
    assert (await console.view())["person"] is None
    assert (await console.call("GET", "/condition")).status_code == 401
    assert (await console.call("DELETE", "/session")).status_code == 204
    audit = [tuple(row) for row in await connection.fetch(AUDIT)]
    assert audit == [
        ("alice", "sign_in", f"user {alice.id}", {"address": "127.0.0.1"}),
        ("alice", "sign_out", f"user {alice.id}", None),
    ]


async def test_a_wrong_name_and_a_wrong_password_are_told_alike_and_kept_without_secrets(
    start_console: StartConsole, make_account: MakeAccount, connection: Connection
) -> None:
    alice = await make_account("alice")
    gone = await make_account("gone")
    await change_account(connection, gone.id, is_disabled=True)
    console = await start_console()
    answers = [
        await console.sign_in("alice", "wrong password"),
        await console.sign_in("my secret typed here\x00", "alice"),
        await console.sign_in("gone"),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["message"] for answer in answers}) == 1
    audit = await connection.fetch(AUDIT)
    assert [row["object"] for row in audit] == [
        f"user {alice.id}", "user unknown", f"user {gone.id}",
    ]  # fmt: skip
    assert {row["action"] for row in audit} == {"sign_in_failed"}
    assert "secret" not in str(audit)
    assert "wrong password" not in str(audit)


async def test_a_sign_in_gives_another_session_and_ends_the_one_that_came_along(
    start_console: StartConsole, make_account: MakeAccount
) -> None:
    """Session fixation: a session from before is worth nothing after."""
    await make_account("alice")
    console = await start_console()
    planted = "ses_" + "A" * 43
    console.session = planted
    assert (await console.sign_in("alice")).status_code == 200
    first = console.session
    assert first != planted
    assert (await console.sign_in("alice")).status_code == 200
    assert console.session != first
    for old in (planted, first):
        console.session = old
        assert (await console.call("GET", "/condition")).status_code == 401


ENDINGS: dict[str, Callable[[Connection, Account], Awaitable[Any]]] = {
    "idle": lambda db, _: db.execute(
        "UPDATE selfheal.sessions SET last_seen_at = NOW() - INTERVAL '31 minutes'"
    ),
    "expired": lambda db, _: db.execute("UPDATE selfheal.sessions SET expires_at = NOW()"),
    "disabled": lambda db, one: change_account(db, one.id, is_disabled=True),
    "disabled by plain SQL": lambda db, _: db.execute(
        "UPDATE selfheal.users SET disabled_at = NOW()"
    ),
    "password": lambda db, one: change_account(
        db, one.id, password_hash=hash_password(ANOTHER_PASSWORD)
    ),
    "role": lambda db, one: change_account(db, one.id, role="admin"),
}


async def test_a_page_that_asks_by_itself_keeps_no_session(
    start_console: StartConsole, make_account: MakeAccount, connection: Connection
) -> None:
    await make_account("alice")
    console = await start_console()
    await console.sign_in("alice")
    age = "UPDATE selfheal.sessions SET last_seen_at = NOW() - INTERVAL '29 minutes'"
    is_seen = "SELECT last_seen_at > NOW() - INTERVAL '1 minute' FROM selfheal.sessions"
    await connection.execute(age)
    for headers, seen in (({"x_unattended": "1"}, False), ({}, True)):
        assert (await console.call("GET", "/session", **headers)).json()["person"]
        assert await connection.fetchval(is_seen) is seen


@pytest.mark.parametrize("way", ENDINGS)
async def test_a_session_ends(
    way: str, start_console: StartConsole, make_account: MakeAccount, connection: Connection
) -> None:
    alice = await make_account("alice")
    console = await start_console()
    await console.sign_in("alice")
    assert (await console.view())["person"] is not None
    await ENDINGS[way](connection, alice)
    assert (await console.view())["person"] is None
    assert (await console.call("GET", "/condition")).status_code == 401


async def test_that_somebody_is_there_is_written_down_once_a_minute(
    start_console: StartConsole, make_account: MakeAccount, connection: Connection
) -> None:
    await make_account("alice")
    console = await start_console()
    await console.sign_in("alice")
    seen = "SELECT last_seen_at FROM selfheal.sessions"
    first = await connection.fetchval(seen)
    await console.view()
    assert await connection.fetchval(seen) == first
    await connection.execute(
        "UPDATE selfheal.sessions SET last_seen_at = NOW() - INTERVAL '61 seconds'"
    )
    await console.view()
    assert await connection.fetchval(seen) > first


async def test_nobody_can_lock_another_out(
    start_console: StartConsole, make_account: MakeAccount
) -> None:
    await make_account("alice")
    await make_account("bob")
    console = await start_console(trusted_proxies="192.0.2.0/24")
    attacker, owner = {"x_forwarded_for": "198.51.100.7"}, {"x_forwarded_for": "203.0.113.9"}
    for _ in range(5):
        assert (await console.sign_in("alice", "guessed it?", **attacker)).status_code == 401
    refused = await console.sign_in("alice", **attacker)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
    assert 0 < int(refused.headers["retry-after"]) <= 900
    # The same name from elsewhere, and another name from there.
    assert (await console.sign_in("alice", **owner)).status_code == 200
    console.session = ""
    assert (await console.sign_in("bob", **attacker)).status_code == 200
    # What a caller says of themselves counts for nothing, since a proxy adds what it saw.
    console.session = ""
    lying = {"x_forwarded_for": "203.0.113.77, 198.51.100.7"}
    assert (await console.sign_in("alice", **lying)).status_code == 429


@pytest.mark.parametrize("has_account", [False, True])
async def test_a_change_needs_its_token(
    has_account: bool, start_console: StartConsole, make_account: MakeAccount
) -> None:
    """CSRF: the session, or sitting at this machine, isn't enough."""
    console = await start_console()
    anonymous = (await console.view())["csrf_token"]
    if has_account:
        await make_account("alice", "admin")
        await console.sign_in("alice")
    wrong = ["", "x", ".", "a.b", (await console.view())["csrf_token"][:-1]]
    if has_account:
        wrong.append(anonymous)
    for token in wrong:
        refused = await console.call("POST", "/keys", KEY, csrf=token)
        assert (refused.status_code, refused.json()["code"]) == (403, "csrf_token_invalid"), token
    assert (await console.call("POST", "/keys", KEY)).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8000.evil.example"},
        {"origin": "http://localhost:9999"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site", "origin": "http://localhost:8000"},
    ],
    ids=str,
)
async def test_another_sites_page_changes_nothing_even_with_a_token(
    headers: dict[str, str], start_console: StartConsole
) -> None:
    console = await start_console()
    refused = await console.call("POST", "/keys", KEY, **headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    own = {"origin": "http://localhost:8000", "sec_fetch_site": "same-origin"}
    assert (await console.call("POST", "/keys", KEY, **own)).status_code == 201


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example",
                                  "localhost@evil.example", "localhost,evil.example"])  # fmt: skip
async def test_a_name_that_was_made_to_lead_here_reaches_nothing(
    host: str, start_console: StartConsole
) -> None:
    """DNS rebinding: to the browser, page and Manager are of one origin then."""
    console = await start_console()
    token = (await console.view())["csrf_token"]
    page = {"host": host, "origin": f"http://{host}", "sec_fetch_site": "same-origin"}
    assert (await console.client.get("/api/v1/admin/session", headers=page)).status_code == 403
    refused = await console.client.post(
        "/api/v1/admin/keys", json=KEY,
        headers=page | {"X-CSRF-Token": token},
    )  # fmt: skip
    assert refused.status_code == 403


async def test_while_the_database_is_away_nobody_is_let_in(
    start_console: StartConsole, make_account: MakeAccount, connection: Connection
) -> None:
    await make_account("alice")
    console = await start_console()
    await console.sign_in("alice")
    await connection.execute("ALTER TABLE selfheal.sessions RENAME TO away")
    try:
        answer = await console.call("GET", "/condition")
    finally:
        await connection.execute("ALTER TABLE selfheal.away RENAME TO sessions")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")


async def test_one_task_types_reader_gets_nothing_of_another(
    start_console: StartConsole, make_account: MakeAccount
) -> None:
    await make_account("alice", "operator", ["poetry"])
    console = await start_console()
    await console.sign_in("alice")
    trial = {"content": "Be brief.", "inputs": ["Write a function"]}

    refused = await console.call("POST", "/prompts/code_generation/trial", trial)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "only for: poetry" in refused.json()["message"]
    assert (
        await console.call("POST", "/keys", {"name": "x", "scopes": ["read"]})
    ).status_code == 403


async def test_all_methods_of_a_path_are_named(start_console: StartConsole) -> None:
    console = await start_console()
    answer = await console.call("TRACE", "/session")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, GET, POST"
