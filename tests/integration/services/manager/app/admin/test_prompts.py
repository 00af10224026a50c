"""What people change over HTTP: what serves, what was proposed, what a run did."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from support.healing_runs import CONTENT, make_run, repair_of

from services.common.access.accounts import Account
from services.common.models import Prompt
from services.common.record.healing_runs import propose
from services.common.record.lost_candidates import load_lost
from services.common.record.text_lint import ERASED
from services.optimizer.app.services.prompt_patcher import promote

Connection = asyncpg.Connection
Console = Any  # of the conftest, which can't be imported
StartConsole = Callable[..., Awaitable[Console]]
MakeAccount = Callable[..., Awaitable[Account]]
Deploy = Callable[..., Awaitable[int]]
LoadActive = Callable[[], Awaitable[Prompt]]
SignIn = Callable[..., Awaitable[Console]]

AUDIT = "SELECT person, action, object FROM selfheal.audit WHERE object ~ 'prompt|run' ORDER BY id"
RUN = "SELECT * FROM selfheal.healing_runs WHERE id = $1"


def seen(prompt: Prompt) -> dict[str, Any]:
    return {"prompt_id": prompt.id, "digest": prompt.digest}


@pytest.fixture
def sign_in(start_console: StartConsole, make_account: MakeAccount) -> SignIn:
    """Signs people in, each at a Manager of their own with the same database."""

    async def start(name: str, role: str = "approver", **settings: Any) -> Console:
        await make_account(name, role, settings.pop("task_types", None))
        console = await start_console(**settings)
        assert (await console.sign_in(name)).status_code == 200
        return console

    return start


async def activate(console: Console, prompt: Prompt, **body: Any) -> Any:
    path = f"/prompts/{prompt.task_type}/activate"
    return await console.call("POST", path, {"serving": seen(prompt), **body})


async def test_a_text_serves_and_it_is_known_who_said_so_and_why(
    sign_in: SignIn, load_active: LoadActive, connection: Connection, trusted: None
) -> None:
    alice = await sign_in("alice")
    before = await load_active()
    answer = await activate(alice, before, content="Write\r\nPython.", reason="shorter")
    assert answer.status_code == 200, answer.text
    now = await load_active()
    assert answer.json() == {"version": 2, "prompt_id": now.id, "waiting_run_id": None}
    assert (now.content, now.created_by) == ("Write\nPython.", "alice")
    assert now.change_reason == "shorter (by alice)"
    rows = await connection.fetch(AUDIT)
    assert [tuple(row) for row in rows[-2:]] == [
        ("alice", "update", f"prompt {before.id}"),
        ("alice", "insert", f"prompt {now.id}"),
    ]
    back = await activate(alice, now, prompt_id=before.id)
    assert back.json()["version"] == 3
    assert (await load_active()).change_reason == "text of version 1 (by alice)"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"content": "x", "prompt_id": 1}, 422, "invalid_request"),
        ({"content": "  "}, 422, "invalid_request"),
        ({"content": "a\x00b"}, 422, "invalid_request"),
        ({"prompt_id": 4711}, 404, "unknown_prompt"),
        ({"prompt_id": 2**70}, 404, "unknown_prompt"),
        ({"content": "x", "serving": {"prompt_id": 1, "digest": "0" * 64}}, 409,
         "incumbent_changed"),
    ],
)  # fmt: skip
async def test_what_can_not_be_is_refused_and_nothing_changes(
    sign_in: SignIn, load_active: LoadActive, body: dict[str, Any], status: int, code: str
) -> None:
    before = await load_active()
    answer = await activate(await sign_in("alice"), before, **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await load_active() == before


async def test_a_person_changes_their_own_task_types_alone(
    sign_in: SignIn, load_active: LoadActive, connection: Connection
) -> None:
    alice = await sign_in("alice", task_types=["letters"])
    prompt = await load_active()
    run_id = await propose(connection, await make_run(connection, prompt, "proposed"))
    draft = {"content": "x", "inputs": ["x"]}
    answers = [
        await activate(alice, prompt, content="x"),
        await alice.call("POST", "/prompts/code_generation/rollback", {"serving": seen(prompt)}),
        await alice.call("POST", f"/runs/{run_id}/approve"),
        await alice.call("POST", f"/runs/{run_id}/reject"),
        await alice.call("POST", f"/runs/{run_id}/undo", seen(prompt)),
        await alice.call("POST", "/prompts/code_generation/draft", draft),
        await alice.call("POST", "/prompts/code_generation/trial", draft),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} <= {
        (403, "forbidden")
    }
    assert await load_active() == prompt


async def test_of_two_who_saw_the_same_prompt_one_changes_it(
    sign_in: SignIn, load_active: LoadActive
) -> None:
    alice, before = await sign_in("alice"), await load_active()
    answers = await asyncio.gather(
        *(activate(alice, before, content=f"Text {number}.") for number in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert (await load_active()).version == 2


async def test_a_rollback_passes_over_what_lost_to_a_repair(
    sign_in: SignIn, deploy: Deploy, load_active: LoadActive, connection: Connection
) -> None:
    alice, seed = await sign_in("alice"), await load_active()
    await deploy()
    run = await make_run(connection, await load_active())
    await promote(connection, run, repair_of(run))
    now = await load_active()
    path = "/prompts/code_generation/rollback"
    answer = await alice.call("POST", path, {"serving": seen(now)})
    assert answer.status_code == 200, answer.text
    back = await load_active()
    assert (back.content, back.created_by) == (seed.content, "alice")
    await connection.execute("DELETE FROM prompts WHERE id <> $1", back.id)
    answer = await alice.call("POST", path, {"serving": seen(back)})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_serve")


async def test_an_earlier_text_that_lost_words_to_an_erasure_serves_nobody_again(
    sign_in: SignIn, deploy: Deploy, load_active: LoadActive, connection: Connection
) -> None:
    alice = await sign_in("alice")
    bob = await sign_in("bob", require_second_person=True)
    seed = await load_active()
    await deploy(f"Answer Ann. {ERASED}")
    torn = await load_active()
    run = await make_run(connection, torn)
    run_id = (await promote(connection, run, repair_of(run))).run_id
    now = await load_active()
    for answer in (
        await activate(alice, now, prompt_id=torn.id),
        await activate(bob, now, prompt_id=torn.id),
        await alice.call("POST", f"/runs/{run_id}/undo", seen(now)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "text_erased")
    assert await load_active() == now
    await connection.execute("DELETE FROM optimization_reports")
    rollback = "/prompts/code_generation/rollback"
    assert (await alice.call("POST", rollback, {"serving": seen(now)})).status_code == 200
    back = await load_active()
    assert back.content == seed.content
    await connection.execute("DELETE FROM prompts WHERE id NOT IN ($1, $2)", back.id, torn.id)
    answer = await alice.call("POST", rollback, {"serving": seen(back)})
    assert (answer.status_code, answer.json()["code"]) == (409, "text_erased")
    written = await activate(alice, back, content=f"Write {ERASED} for names.")
    assert written.status_code == 200, written.text


async def test_a_proposal_is_approved_once(
    sign_in: SignIn, load_active: LoadActive, connection: Connection, trusted: None
) -> None:
    alice = await sign_in("alice")
    run = await make_run(connection, await load_active(), "proposed")
    run_id = await propose(connection, run)
    answers = await asyncio.gather(
        *(alice.call("POST", f"/runs/{run_id}/approve") for _ in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    now, row = await load_active(), await connection.fetchrow(RUN, run_id)
    assert (now.content, now.created_by) == (CONTENT, "optimizer")
    assert (now.change_reason or "").endswith("approved by alice")
    assert (row["resolution"], row["resolved_by"]) == ("approved", "alice")
    assert await connection.fetchval("SELECT count(*) FROM selfheal.watches") == 1
    resolved = (await connection.fetch(AUDIT))[-1]
    assert tuple(resolved) == ("alice", "update", f"run {run_id}")


async def test_a_proposal_is_turned_down_and_a_run_that_is_not_there_is_told(
    sign_in: SignIn, load_active: LoadActive, connection: Connection
) -> None:
    alice, before = await sign_in("alice"), await load_active()
    run_id = await propose(connection, await make_run(connection, before, "proposed"))
    assert (await alice.call("POST", f"/runs/{run_id}/reject")).status_code == 204
    row = await connection.fetchrow(RUN, run_id)
    assert (row["resolution"], row["resolved_by"]) == ("rejected", "alice")
    for path in ("approve", "reject", "undo"):
        answer = await alice.call("POST", f"/runs/{uuid4()}/{path}", seen(before))
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_run")


async def test_what_a_run_did_is_undone_once_and_its_text_is_not_tried_at_once_again(
    sign_in: SignIn, load_active: LoadActive, connection: Connection
) -> None:
    alice, before = await sign_in("alice"), await load_active()
    run = await make_run(connection, before)
    run_id = (await promote(connection, run, repair_of(run))).run_id
    now = await load_active()
    undo = f"/runs/{run_id}/undo"
    stale = await alice.call("POST", undo, seen(before))
    assert (stale.status_code, stale.json()["code"]) == (409, "incumbent_changed")
    answer = await alice.call("POST", undo, seen(now))
    assert answer.status_code == 200, answer.text
    back = await load_active()
    assert (back.content, back.created_by) == (before.content, "alice")
    assert "undo of run" in (back.change_reason or "")
    assert CONTENT in (await load_lost(connection, back)).banned
    again = await alice.call("POST", undo, seen(back))
    assert (again.status_code, again.json()["code"]) == (409, "not_undoable")
    assert f"Version {back.version} serves" in again.json()["message"]


async def test_a_run_that_changed_nothing_can_not_be_undone(
    sign_in: SignIn, load_active: LoadActive, connection: Connection
) -> None:
    alice, before = await sign_in("alice"), await load_active()
    run_id = await propose(connection, await make_run(connection, before, "proposed"))
    answer = await alice.call("POST", f"/runs/{run_id}/undo", seen(before))
    assert (answer.status_code, answer.json()["code"]) == (409, "not_undoable")


async def test_where_two_decide_a_text_waits_for_another_person(
    sign_in: SignIn, load_active: LoadActive, connection: Connection
) -> None:
    two = {"require_second_person": True}
    alice, bob = await sign_in("alice", **two), await sign_in("bob", **two)
    before = await load_active()
    run_id = (await activate(alice, before, content="Theirs.", reason="fewer\x00 words")).json()[
        "waiting_run_id"
    ]
    assert await load_active() == before
    row = await connection.fetchrow(RUN, run_id)
    assert (row["reason"], row["requested_by"], row["decision"]) == ("by_hand", "alice", "proposed")
    assert "No replay has proven it" in row["detail"]["summary"]
    own = await alice.call("POST", f"/runs/{run_id}/approve")
    assert (own.status_code, own.json()["code"]) == (403, "second_person_required")
    answer = await bob.call("POST", f"/runs/{run_id}/approve")
    assert answer.status_code == 200, answer.text
    now = await load_active()
    assert (now.content, now.created_by) == ("Theirs.", "alice")
    assert (
        now.change_reason == "fewer\ufffd words (asked for by alice, approved by bob, not proven)"
    )
    # It proved nothing: it isn't watched, and what it replaced lost to no repair.
    assert await connection.fetchval("SELECT count(*) FROM selfheal.watches") == 0
    assert await connection.fetchval("SELECT count(*) FROM optimization_reports") == 0
    undone = await alice.call("POST", f"/runs/{run_id}/undo", seen(now))
    assert undone.status_code == 200, undone.text
    back = await load_active()
    assert back.content == before.content
    path = "/prompts/code_generation/rollback"
    assert (await bob.call("POST", path, {"serving": seen(back)})).status_code == 200
    assert (await load_active()).content == "Theirs."


async def test_another_s_request_is_not_withdrawn_by_mine_and_holds_up_no_heal(
    sign_in: SignIn, load_active: LoadActive, connection: Connection
) -> None:
    two = {"require_second_person": True}
    alice, bob = await sign_in("alice", **two), await sign_in("bob", **two)
    before = await load_active()
    ids = [
        (await activate(who, before, content=text)).json()["waiting_run_id"]
        for who, text in ((alice, "One."), (bob, "Two."), (alice, "Three."))
    ]
    rows = [await connection.fetchrow(RUN, run_id) for run_id in ids]
    assert [row["resolution"] for row in rows] == ["superseded", None, None]
    assert (await alice.call("POST", f"/runs/{ids[1]}/approve")).status_code == 200
    late = await bob.call("POST", f"/runs/{ids[2]}/approve")
    assert (late.status_code, late.json()["code"]) == (409, "proposal_closed")
