"""The same key and body get the same answer: one call of the model, and one row."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs
from support.polling import until
from support.stub_worker import HELLO, StubWorker, completion

from services.common.access.keys import generate_key
from services.manager.app.door import client
from services.manager.app.idempotency import calls

Connection = asyncpg.Connection
StartDoor = Callable[..., Awaitable[Any]]
ASK = {"model": "code_generation", "messages": [{"role": "user", "content": "Say hello."}]}
KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"
OTHERS = ("x-request-id", "idempotent-replayed", "content-length", "transfer-encoding")


class Tried:
    """What one try was answered with."""

    def __init__(self, status: int, headers: Any, content: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.content = content

    @property
    def own(self) -> tuple[int, dict[str, str], bytes]:
        """All of it that doesn't belong to the try."""
        headers = {name: it for name, it in self.headers.items() if name not in OTHERS}
        return self.status, headers, self.content

    @property
    def code(self) -> str:
        return str(json.loads(self.content)["error"]["code"])

    @property
    def is_replayed(self) -> bool:
        return self.headers.get("idempotent-replayed") == "true"


def post(door: Any, key: str | list[str] = KEY, *, secret: str = "", **changes: Any) -> Any:
    keys = [key] if isinstance(key, str) else key
    headers = [("Content-Type", "application/json")]
    headers += [("Idempotency-Key", one) for one in keys]
    headers += [("Authorization", f"Bearer {secret}")] if secret else []
    content = json.dumps({**ASK, **changes})
    return door.session.post("/v1/chat/completions", data=content, headers=headers)


async def attempt(door: Any, key: str | list[str] = KEY, **options: Any) -> Tried:
    async with post(door, key, **options) as response:
        return Tried(response.status, response.headers, await response.read())


async def count_rows(connection: Connection) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM execution_logs"))


@pytest.mark.parametrize("stream", [False, True])
async def test_a_retry_is_answered_with_what_the_first_try_was(
    door: Any, worker: StubWorker, connection: Connection, stream: bool
) -> None:
    first = await attempt(door, stream=stream)
    worker.completion = completion("Something else.")
    worker.events = [HELLO[0]]
    retry = await attempt(door, stream=stream)

    assert first.status == 200
    assert retry.own == first.own
    assert retry.headers["x-selfheal-request-id"] == first.headers["x-request-id"]
    assert retry.headers["x-request-id"] != first.headers["x-request-id"]
    assert (first.is_replayed, retry.is_replayed) == (False, True)
    assert first.content.endswith(b"data: [DONE]\n\n") == stream
    assert len(worker.tasks) == await count_rows(connection) == 1


async def test_of_many_tries_at_two_managers_one_asks_the_model(
    start_door: StartDoor, worker: StubWorker, connection: Connection
) -> None:
    doors = [await start_door(), await start_door()]
    worker.goes_on.clear()
    tries = [asyncio.create_task(attempt(doors[n % 2], stream=n > 12)) for n in range(16)]
    await worker.was_asked.wait()

    async def wait_for_one_alone() -> bool:
        return sum(one.done() for one in tries) == len(tries) - 1

    await until(wait_for_one_alone)
    worker.goes_on.set()
    answers = await asyncio.gather(*tries)

    assert sorted({one.status for one in answers}) == [200, 409, 422]
    assert [one.status for one in answers].count(200) == 1
    refused = [one for one in answers if one.status == 409]
    assert {one.code for one in refused} == {"idempotency_in_progress"}
    assert all(int(one.headers["retry-after"]) >= 1 for one in refused)
    assert not any("x-should-retry" in one.headers for one in refused)
    assert len(worker.tasks) == await count_rows(connection) == 1


async def test_a_key_with_another_body_is_refused(door: Any, worker: StubWorker) -> None:
    await attempt(door)
    other = await attempt(door, temperature=0.5)
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert other.headers["x-should-retry"] == "false"
    assert len(worker.tasks) == 1


async def test_a_key_is_of_one_task_type(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    await connection.execute(
        "INSERT INTO prompts (task_type, content, version, is_active) VALUES ('o', 'c', 1, TRUE)"
    )
    first, second = await attempt(door), await attempt(door, model="o")
    assert [first.status, second.status] == [200, 200]
    assert not second.is_replayed
    assert len(worker.tasks) == 2


async def test_no_other_api_key_sees_an_answer(
    start_door: StartDoor, worker: StubWorker, connection: Connection
) -> None:
    new = [generate_key() for _ in range(2)]
    for n, key in enumerate(new):
        await connection.execute(
            "INSERT INTO selfheal.api_keys (id, name, secret_sha256, scopes)"
            " VALUES ($1, $2, $3, '{serve}')",
            key.id,
            f"client-{n}",
            key.secret_sha256,
        )
    door = await start_door(require_keys=True)

    async def is_known() -> bool:
        return (await attempt(door, secret=new[0].text)).status == 200

    await until(is_known)
    second = await attempt(door, secret=new[1].text)
    await connection.execute("UPDATE selfheal.api_keys SET task_types = '{other}'")

    async def is_bound() -> bool:
        return (await attempt(door, secret=new[0].text)).status == 403

    await until(is_bound)
    assert (second.status, second.is_replayed) == (200, False)
    assert len(worker.tasks) == await count_rows(connection) == 2


async def test_a_failure_is_not_kept(door: Any, worker: StubWorker, connection: Connection) -> None:
    worker.fail(502, "model_unavailable")
    failed = await attempt(door)
    worker.failure = None
    retry = await attempt(door)
    assert (failed.status, retry.status, retry.is_replayed) == (502, 200, False)
    assert await count_rows(connection) == 2


async def test_a_stream_that_fails_on_its_way_is_not_kept(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    worker.breaks_off = True
    failed = await attempt(door, stream=True)
    worker.breaks_off = False

    async def is_answered() -> bool:
        return (await attempt(door, stream=True)).status == 200

    await until(is_answered)
    again = await attempt(door, stream=True)
    assert b"error" in failed.content
    assert again.is_replayed
    assert b"error" not in again.content


async def test_a_client_that_hangs_up_leaves_the_key_to_the_next_try(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    worker.events = [HELLO[0], HELLO[1], asyncio.Event()]
    async with asyncio.timeout(10), post(door, stream=True) as response:
        await response.content.readuntil(b"\n\n")
        response.close()
        await worker.was_left.wait()
    worker.events = [*HELLO]

    async def is_answered() -> bool:
        return (await attempt(door, stream=True)).status == 200

    await until(is_answered)
    reasons = await connection.fetch("SELECT finish_reason FROM selfheal.conversations ORDER BY 1")
    assert [row["finish_reason"] for row in reasons] == ["client_closed", "stop"]


async def test_a_holder_that_died_is_followed_after_its_lease(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    await attempt(door)
    await connection.execute(
        "UPDATE selfheal.idempotent_calls SET holder = $1, status = NULL, content = NULL,"
        " created_at = now() - interval '9.5 s', held_until = now() + interval '1 hour'",
        uuid4(),
    )
    early = await attempt(door)
    await connection.execute(
        "UPDATE selfheal.idempotent_calls SET held_until = now() + interval '2.9 s'"
    )
    at_its_end = await attempt(door)
    await connection.execute("UPDATE selfheal.idempotent_calls SET held_until = now()")
    other_body = await attempt(door, temperature=0.5)
    late = await attempt(door)

    assert (early.status, at_its_end.status) == (409, 409)
    assert 10 <= int(early.headers["retry-after"]) < 100
    assert 1 <= int(at_its_end.headers["retry-after"]) <= 3
    assert (other_body.status, late.status, late.is_replayed) == (422, 200, False)
    assert len(worker.tasks) == 2


async def test_who_lost_its_lease_writes_no_row(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    worker.goes_on.clear()
    asking = asyncio.create_task(attempt(door))
    await worker.was_asked.wait()
    await connection.execute("UPDATE selfheal.idempotent_calls SET holder = $1", UUID(int=1))
    worker.goes_on.set()
    late = await asking

    assert (late.status, late.code) == (409, "idempotency_in_progress")
    assert await count_rows(connection) == 0
    holder = await connection.fetchval("SELECT holder FROM selfheal.idempotent_calls")
    assert holder == UUID(int=1)


@pytest.mark.parametrize("is_refused", [False, True])
async def test_a_lease_is_renewed_for_as_long_as_the_call_takes(
    door: Any,
    worker: StubWorker,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_refused: bool,
) -> None:
    """Also where the database refuses it at first."""
    monkeypatch.setattr(calls, "LEASE_SECONDS", 0.1)
    renewing = calls.RENEW
    if is_refused:
        monkeypatch.setattr(calls, "RENEW", renewing.replace("=> $6)", "=> $6 / 0)"))
    worker.goes_on.clear()

    async def is_told() -> bool:
        return any(entry["event"] == "call_not_renewed" for entry in logs)

    with capture_logs() as logs:
        asking = asyncio.create_task(attempt(door))
        await worker.was_asked.wait()
        if is_refused:
            await until(is_told)
            monkeypatch.setattr(calls, "RENEW", renewing)

    async def is_renewed() -> bool:
        seconds = "extract(epoch FROM held_until - created_at)"
        held = await connection.fetchval(f"SELECT {seconds} FROM selfheal.idempotent_calls")
        return float(held) > 0.3

    await until(is_renewed)
    worker.goes_on.set()
    assert (await asking).status == 200


async def test_a_lease_that_is_refused_its_end_costs_no_answer(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_told() -> bool:
        return any(entry["log_level"] == "error" for entry in logs)

    monkeypatch.setattr(calls, "RELEASE", f"{calls.RELEASE} AND 1 / 0 = 1")
    with capture_logs() as logs:
        assert (await attempt(door)).status == 200
        await until(is_told)
    assert {it["event"] for it in logs if it["log_level"] == "error"} == {"call_not_released"}


async def test_without_the_database_nothing_is_asked(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    await connection.execute("ALTER TABLE selfheal.idempotent_calls RENAME TO elsewhere")
    try:
        refused = await attempt(door)
    finally:
        await connection.execute("ALTER TABLE selfheal.elsewhere RENAME TO idempotent_calls")
    assert (refused.status, refused.code) == (503, "database_unavailable")
    assert worker.tasks == []


async def test_an_answer_whose_row_cannot_be_written_is_not_kept(
    door: Any, connection: Connection
) -> None:
    await connection.execute("ALTER TABLE selfheal.conversations RENAME TO elsewhere")
    try:
        refused = await attempt(door)
    finally:
        await connection.execute("ALTER TABLE selfheal.elsewhere RENAME TO conversations")
    retry = await attempt(door)
    assert (refused.status, retry.status, retry.is_replayed) == (503, 200, False)
    assert await count_rows(connection) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_is_too_large_is_given_once_and_pointed_to(
    door: Any, connection: Connection, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setattr(calls, "MAX_KEPT_BYTES", 300)
    first = await attempt(door, stream=stream)
    retry = await attempt(door, stream=stream)
    assert first.status == 200
    assert (retry.status, retry.code) == (422, "idempotent_answer_too_large")
    assert f"/api/v1/requests/{first.headers['x-request-id']}" in retry.content.decode()
    assert await count_rows(connection) == 1


async def test_a_day_later_a_key_is_new(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    for age, calls_so_far in (("23:59:00", 1), ("24:00:01", 2)):
        await attempt(door)
        await connection.execute(
            "UPDATE selfheal.idempotent_calls SET created_at = now() - $1::text::interval", age
        )
        await attempt(door)
        assert len(worker.tasks) == calls_so_far


async def test_a_key_is_one_header_of_visible_characters(door: Any, worker: StubWorker) -> None:
    refused = ["", "a b", "é", "k" * 256, ["a", "b"], ["a", "a"]]
    for key in refused:
        tried = await attempt(door, key)
        assert (key, tried.status, tried.code) == (key, 400, "invalid_idempotency_key")
    assert worker.tasks == []
    taken = ["k" * 255, '"the draft\'s own form"'.replace(" ", "-"), "!#$%&'*+-.^_`|~/{}\\"]
    for key in taken:
        assert (key, (await attempt(door, key)).status) == (key, 200)


async def test_comments_that_kept_a_stream_alive_are_not_given_again(
    door: Any, worker: StubWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(client, "SILENT_SECONDS", 0.0)
    goes_on = asyncio.Event()
    worker.events = [HELLO[0], goes_on, *HELLO[1:]]
    async with asyncio.timeout(10), post(door, stream=True) as response:
        seen = b""
        while client.HEARTBEAT not in seen:
            seen += await response.content.readuntil(b"\n\n")
        goes_on.set()
        seen += await response.read()
    retry = await attempt(door, stream=True)
    assert retry.content == seen.replace(client.HEARTBEAT, b"")


async def test_a_models_name_of_any_letters_is_told_alike_again(
    door: Any, worker: StubWorker
) -> None:
    worker.completion = {**completion(), "model": "모델-7"}
    first, retry = await attempt(door), await attempt(door)
    assert retry.is_replayed
    assert retry.own == first.own
    assert first.headers["x-selfheal-model"] == "??-7"
