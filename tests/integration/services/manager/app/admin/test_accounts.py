"""Accounts and keys over the admin API."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from services.common.access.accounts import Account
from services.common.access.key_records import load_valid_keys, store_key
from services.common.access.keys import find_key, generate_key

Connection = asyncpg.Connection
StartConsole = Callable[..., Awaitable[Any]]
MakeAccount = Callable[..., Awaitable[Account]]

BOB = {"name": "bob", "password": "a good password", "role": "operator", "task_types": ["poetry"]}
WHO = "SELECT person, action FROM selfheal.audit WHERE object LIKE $1 ORDER BY id"


@pytest.fixture
async def console(start_console: StartConsole, make_account: MakeAccount, trusted: None) -> Any:
    """The console of alice, who is an admin."""
    await make_account("alice", "admin")
    console = await start_console()
    await console.sign_in("alice")
    return console


async def test_an_account_is_made_and_changed_and_the_audit_says_by_whom(
    console: Any, connection: Connection
) -> None:
    made = await console.call("POST", "/users", BOB)
    assert made.status_code == 201, made.text
    bob = made.json()
    assert bob == {
        "id": bob["id"], "name": "bob", "role": "operator", "task_types": ["poetry"],
        "is_disabled": False,
    }  # fmt: skip
    path = f"/users/{bob['id']}"
    changed = await console.call("PATCH", path, {"role": "approver", "is_disabled": True})
    assert changed.json() == bob | {"role": "approver", "is_disabled": True}
    assert (await console.call("PATCH", path, {"is_disabled": False})).status_code == 200
    assert (await console.call("PATCH", path, {"password": "b good password"})).status_code == 200
    audit = [tuple(row) for row in await connection.fetch(WHO, f"user {bob['id']}")]
    assert audit == [("alice", "insert"), *[("alice", "update")] * 3]
    console.session = ""
    assert (await console.sign_in("bob", BOB["password"])).status_code == 401
    assert (await console.sign_in("bob", "b good password")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/users", BOB | {"name": "ALICE"}, 409),
        ("POST", "/users", BOB | {"name": "local"}, 409),
        ("POST", "/users", BOB | {"name": "key:chatbot"}, 409),
        ("POST", "/users", BOB | {"name": "a\u202eb"}, 409),
        ("POST", "/users", BOB | {"password": "short"}, 422),
        ("POST", "/users", BOB | {"role": "root"}, 422),
        ("PATCH", "/users/9999", {"role": "viewer"}, 404),
        ("PATCH", "/users/9999999999999999999", {"role": "viewer"}, 422),
        ("PATCH", "/users/alice", {"role": "viewer"}, 422),
        ("POST", "/keys", {"name": "x", "scopes": ["root"]}, 422),
        ("POST", "/keys", {"name": "x", "scopes": []}, 422),
        ("DELETE", "/keys/0123456789ab", None, 404),
        ("DELETE", "/keys/%00", None, 422),
    ],
)
async def test_what_makes_no_sense_is_refused(
    console: Any, method: str, path: str, body: Any, status: int
) -> None:
    answer = await console.call(method, path, body)
    assert answer.status_code == status, answer.text
    assert str((body or {}).get("password", "no password")) not in answer.text


async def test_what_the_database_cant_hold_is_replaced(
    console: Any, connection: Connection
) -> None:
    body = {"name": "x\x00", "scopes": ["serve"], "task_types": ["a\x00"]}
    assert (await console.call("POST", "/keys", body)).status_code == 201
    [key] = (await load_valid_keys(connection)).values()
    assert (key.name, key.task_types) == ("x\ufffd", {"a\ufffd"})


async def test_a_key_is_made_told_once_and_revoked(console: Any, connection: Connection) -> None:
    body = {"name": "chatbot", "scopes": ["serve", "read"], "task_types": ["poetry"], "days": 90}
    made = await console.call("POST", "/keys", body)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    key = find_key(made.json()["key"], await load_valid_keys(connection))
    assert key is not None
    assert (key.scopes, key.task_types) == ({"serve", "read"}, {"poetry"})
    assert (await console.call("DELETE", f"/keys/{key.id}")).status_code == 204
    assert await load_valid_keys(connection) == {}
    audit = [tuple(row) for row in await connection.fetch(WHO, f"key {key.id}")]
    assert audit == [("alice", "insert"), ("alice", "update")]


@pytest.mark.parametrize("role", ["viewer", "operator", "approver"])
async def test_only_an_admin_makes_accounts_and_keys(
    role: str, start_console: StartConsole, make_account: MakeAccount
) -> None:
    await make_account("carol", role)
    console = await start_console()
    await console.sign_in("carol")
    for method, path in (("POST", "/users"), ("PATCH", "/users/1"), ("POST", "/keys"),
                         ("DELETE", "/keys/x"), ("POST", "/message")):  # fmt: skip
        answer = await console.call(method, path, {})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_who_is_bound_to_task_types_makes_nobody_who_isnt(
    start_console: StartConsole, make_account: MakeAccount
) -> None:
    await make_account("carol", "admin", ["poetry"])
    console = await start_console()
    await console.sign_in("carol")
    for path, body in (("/users", BOB), ("/keys", {"name": "x", "scopes": ["admin"]})):
        answer = await console.call("POST", path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_key_acts_under_its_name_and_needs_no_token(
    start_console: StartConsole, connection: Connection, trusted: None
) -> None:
    key = generate_key()
    await store_key(
        connection, key, name="terraform", scopes=["admin"], task_types=None, expires_at=None
    )
    console = await start_console(bind_host="0.0.0.0")
    bearer = {"authorization": f"Bearer {key.text}", "host": "agent.example.com"}
    async with asyncio.timeout(30):
        while (await console.call("GET", "/session", **bearer)).status_code == 503:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    made = await console.call("POST", "/users", BOB, csrf="", **bearer)
    assert made.status_code == 201, made.text
    audit = [tuple(row) for row in await connection.fetch(WHO, "user %")]
    assert audit == [("key:terraform", "insert")]
