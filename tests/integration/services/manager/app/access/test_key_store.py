"""Keys in memory, on a real database: made, revoked, and out of the database's reach."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from benchmarks.own_ports import take_port
from services.common.access.key_records import load_valid_keys, revoke_key, store_key
from services.common.access.keys import NewKey, generate_key
from services.common.access.networks import UnprotectedError
from services.common.config import Settings
from services.manager.app.access import key_store
from services.manager.app.access.authorisation import require_a_key
from services.manager.app.access.key_store import KeyStore
from services.manager.app.main import create_manager

Connection = asyncpg.Connection
MakeSettings = Callable[..., Settings]
Serve = Callable[[FastAPI], Awaitable[httpx.AsyncClient]]

HALF_A_SECOND = 0.5
PATIENCE_SECONDS = 30


async def make_key(connection: Connection, *scopes: str, **more: Any) -> NewKey:
    key = generate_key()
    options = {"task_types": None, "expires_at": None, **more}
    await store_key(connection, key, name="chatbot", scopes=scopes, **options)
    return key


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[KeyStore]:
    store = KeyStore(settings)
    store.start()
    yield store
    await store.close()


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


async def test_what_is_kept_of_a_key_comes_back(connection: Connection) -> None:
    moment = datetime(2999, 1, 2, tzinfo=UTC)
    key = await make_key(connection, "serve", "read", task_types=["poetry"], expires_at=moment)
    loaded = (await load_valid_keys(connection))[key.id]
    assert loaded.secret_sha256 == key.secret_sha256
    assert (loaded.scopes, loaded.task_types) == ({"serve", "read"}, {"poetry"})
    assert loaded.expires_at == moment
    row = await connection.fetchrow("SELECT * FROM selfheal.api_keys")
    assert key.text.split("_", 2)[2] not in str(row)


async def test_neither_revoked_nor_expired_keys_are_loaded(connection: Connection) -> None:
    revoked = await make_key(connection, "serve")
    await make_key(connection, "serve", expires_at=datetime(2020, 1, 2, tzinfo=UTC))
    assert await revoke_key(connection, revoked.id) == "chatbot"
    assert await revoke_key(connection, revoked.id) == "chatbot"
    assert await revoke_key(connection, "no such id") is None
    assert await load_valid_keys(connection) == {}


async def test_every_replica_learns_of_a_revoked_key_within_a_second(
    connection: Connection, make_settings: MakeSettings
) -> None:
    key = await make_key(connection, "serve")
    async with running(make_settings()) as one, running(make_settings()) as other:
        await wait_for(lambda: one.keys is not None and other.keys is not None)
        assert one.keys == other.keys
        assert one.keys is not None
        assert key.id in one.keys
        await revoke_key(connection, key.id)
        await wait_for(lambda: not one.keys and not other.keys)
    # As often as that, so that it takes less than a second with the query.
    assert key_store.POLL_SECONDS <= HALF_A_SECOND


async def test_while_the_database_is_away_the_last_known_keys_hold(
    connection: Connection,
    make_settings: MakeSettings,
    log_entries: list[MutableMapping[str, Any]],
) -> None:
    key = await make_key(connection, "serve")
    async with running(make_settings()) as store:
        await wait_for(lambda: bool(store.keys))
        await connection.execute("ALTER TABLE selfheal.api_keys RENAME TO away")
        try:
            await wait_for(lambda: bool(log_entries))
            assert [entry["event"] for entry in log_entries] == ["keys_unavailable"]
            assert store.keys is not None
            assert key.id in store.keys
            age_seconds = store.age_seconds
            await asyncio.sleep(0)
            assert age_seconds < store.age_seconds < PATIENCE_SECONDS
        finally:
            await connection.execute("ALTER TABLE selfheal.away RENAME TO api_keys")
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        another = await make_key(connection, "serve")
        await wait_for(lambda: another.id in (store.keys or ()))


@pytest.mark.parametrize("closed", [{"bind_host": "0.0.0.0"}, {"require_keys": True}])
async def test_a_manager_that_asks_for_keys_does_not_start_without_one(
    closed: dict[str, Any], connection: Connection, make_settings: MakeSettings
) -> None:
    settings = make_settings(**closed)
    with pytest.raises(UnprotectedError, match="selfheal keys create NAME --scope serve"):
        await require_a_key(settings)
    key = await make_key(connection, "read")
    await require_a_key(settings)
    await revoke_key(connection, key.id)
    with pytest.raises(UnprotectedError):
        await require_a_key(settings)
    await require_a_key(make_settings())
    await require_a_key(make_settings(bind_host="0.0.0.0", allow_open="yes-i-know"))


async def test_a_database_that_is_away_keeps_no_manager_from_starting(
    make_settings: MakeSettings, serve: Serve, log_entries: list[MutableMapping[str, Any]]
) -> None:
    nowhere = SecretStr(f"postgresql://agent@127.0.0.1:{take_port()}/nothing")
    settings = make_settings(bind_host="0.0.0.0", database_url=nowhere)
    await require_a_key(settings)
    client = await serve(create_manager(settings))
    key = {"Authorization": f"Bearer {generate_key().text}"}
    assert (await client.get("/v1/models")).status_code == 401
    refused = await client.get("/v1/models", headers=key)
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "keys_unknown"


async def test_a_bound_key_reaches_its_task_types_alone_and_leaves_no_trace(
    connection: Connection,
    make_settings: MakeSettings,
    serve: Serve,
    log_entries: list[MutableMapping[str, Any]],
) -> None:
    await connection.execute(
        "INSERT INTO prompts (task_type, content, version, is_active)"
        " VALUES ('poetry', 'P', 1, TRUE)"
    )
    await connection.execute(
        "INSERT INTO execution_logs (request_id, task_type, user_input)"
        " VALUES ('11111111-2222-4333-8444-555555555555', 'code_generation', 'x')"
    )
    key = await make_key(connection, "serve", "read", task_types=["poetry"])
    settings = make_settings(bind_host="0.0.0.0")
    client = await serve(create_manager(settings))
    client.headers["Authorization"] = f"Bearer {key.text}"
    for _ in range(300):
        models = await client.get("/v1/models")
        if models.status_code != 503:
            break
        await asyncio.sleep(0.01)
    assert [model["id"] for model in models.json()["data"]] == ["poetry"]
    chat = {"model": "code_generation", "messages": [{"role": "user", "content": "x"}]}
    task = {"user_input": "x", "task_type": "code_generation"}
    answers = [
        await client.get("/v1/models/code_generation"),
        await client.post("/v1/chat/completions", json=chat),
        await client.post("/api/v1/request", json=task),
        await client.get("/api/v1/requests/11111111-2222-4333-8444-555555555555"),
        await client.get("/v1/models", params={"api_key": key.text}),
        await client.get("/v1/models", headers={"Authorization": f"Bearer {key.text[:-4]}"}),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 403, 401, 401]
    secret = key.text.split("_", 2)[2]
    metrics = await client.get("/metrics")
    texts = [answer.text for answer in [*answers, models, metrics]]
    assert all(secret[:20] not in text for text in [*texts, str(log_entries)])
