"""What people ask of an Optimizer: kept, bounded, shown, and told to whoever watches."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg

from services.common.access.accounts import Account
from services.common.record.jobs import CHANNEL, MAX_OPEN, claim_job, finish_job

Connection = asyncpg.Connection
Console = Any  # of the conftest, which can't be imported
StartConsole = Callable[..., Awaitable[Console]]
MakeAccount = Callable[..., Awaitable[Account]]

DRAFT = "/prompts/code_generation/draft"


async def test_a_draft_waits_for_an_optimizer_that_is_woken(
    start_console: StartConsole, make_account: MakeAccount, connection: Connection
) -> None:
    await make_account("olga", "operator", ["code_generation"])
    await make_account("vera", "viewer", ["letters"])
    olga, vera = await start_console(), await start_console()
    await olga.sign_in("olga")
    await vera.sign_in("vera")
    news = asyncio.Event()
    await connection.add_listener(CHANNEL, lambda *_: news.set())
    body = {"content": "Write Python.", "reason": "shorter"}
    answer = await olga.call("POST", DRAFT, body)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert (job["state"], job["kind"], job["requested_by"]) == ("waiting", "draft", "olga")
    async with asyncio.timeout(5):
        await news.wait()
    path = f"/jobs/{job['id']}"
    assert (await olga.call("GET", path)).json() == job
    assert (await vera.call("GET", path)).status_code == 403
    assert (await vera.call("POST", DRAFT, body)).status_code == 403
    taken = await claim_job(connection, lease_seconds=60, besides=[])
    assert taken is not None
    assert (taken.content, taken.reason) == ("Write Python.", "shorter")
    assert (await olga.call("GET", path)).json()["state"] == "running"
    await finish_job(connection, taken, error="No.")
    shown = (await olga.call("GET", path)).json()
    assert (shown["state"], shown["error"]) == ("failed", "No.")
    assert (await olga.call("GET", f"/jobs/{uuid4()}")).status_code == 404


async def test_so_many_wait_and_no_more(start_console: StartConsole) -> None:
    console = await start_console()
    statuses = [
        (await console.call("POST", DRAFT, {"content": f"Text {number}."})).status_code
        for number in range(MAX_OPEN + 1)
    ]
    assert statuses == [202] * MAX_OPEN + [409]
    assert (await console.call("POST", "/message")).status_code == 202


async def test_those_that_ask_at_once_are_counted_one_after_the_other(
    start_console: StartConsole,
) -> None:
    console = await start_console()
    answers = await asyncio.gather(
        *(console.call("POST", DRAFT, {"content": f"Text {number}."}) for number in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [202] * MAX_OPEN + [409] * 15


async def test_what_could_never_be_run_is_refused_at_once(start_console: StartConsole) -> None:
    console = await start_console()
    for content in ("a\x00b", "x" * 20_000, " "):
        answer = await console.call("POST", DRAFT, {"content": content})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    nothing = await console.call("POST", "/prompts/nothing/draft", {"content": "x"})
    assert (nothing.status_code, nothing.json()["code"]) == (404, "unknown_task_type")
