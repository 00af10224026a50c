"""Who sees rollouts over HTTP, and who steers them."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from support.healing_runs import make_run, read_run, repair_of

from services.common.access.accounts import Account
from services.common.record.prompts import load_active_prompts
from services.common.record.rollouts.rollout import Rollout
from services.common.record.rollouts.steps import start_rollout

Connection = asyncpg.Connection
Console = Any  # of the conftest, which can't be imported


@pytest.fixture
async def rollout(connection: Connection) -> Rollout:
    """A rollout at its first step."""
    [serving] = await load_active_prompts(connection)
    run = await make_run(connection, serving, "canary")
    async with connection.transaction():
        return await start_rollout(connection, run, repair_of(run), (0.1, 0.5, 1.0))


@pytest.fixture
def sign_in(
    start_console: Callable[..., Awaitable[Console]],
    make_account: Callable[..., Awaitable[Account]],
) -> Callable[..., Awaitable[Console]]:
    """Signs a person in."""

    async def start(name: str, role: str, task_types: list[str] | None = None) -> Console:
        await make_account(name, role, task_types)
        console = await start_console()
        assert (await console.sign_in(name)).status_code == 200
        return console

    return start


async def steer(console: Console, rollout: Rollout, act: str) -> Any:
    return await console.call("POST", f"/rollouts/{rollout.id}/{act}", {})


async def test_who_may_approve_steers(
    connection: Connection, rollout: Rollout, sign_in: Any, trusted: None
) -> None:
    ada = await sign_in("ada", "approver")
    listed = (await ada.call("GET", "/rollouts")).json()
    assert [(one["id"], one["step"], round(one["share"], 2)) for one in listed] == [
        (str(rollout.id), 0, 0.1)
    ]
    assert (await steer(ada, rollout, "pause")).status_code == 200
    assert (await steer(ada, rollout, "resume")).status_code == 200
    answer = (await steer(ada, rollout, "promote")).json()
    [serving] = await load_active_prompts(connection)
    assert (answer["version"], answer["prompt_id"]) == (serving.version, serving.id)
    assert (await read_run(connection, rollout.run_id))["decision"] == "promoted"
    people = await connection.fetch(
        "SELECT DISTINCT person FROM selfheal.audit WHERE object LIKE 'rollout %'"
    )
    assert [row["person"] for row in people] == ["ada"]
    late = await steer(ada, rollout, "abort")
    assert (late.status_code, late.json()["code"]) == (409, "canary_ended")


async def test_who_may_not_does_not(rollout: Rollout, sign_in: Any) -> None:
    eve = await sign_in("eve", "operator")
    assert (await eve.call("GET", "/rollouts")).status_code == 200
    assert (await steer(eve, rollout, "abort")).status_code == 403
    bob = await sign_in("bob", "approver", ["support"])
    assert (await bob.call("GET", "/rollouts")).json() == []
    assert (await steer(bob, rollout, "abort")).status_code == 403


async def test_what_is_not_there_is_said(rollout: Rollout, sign_in: Any) -> None:
    ada = await sign_in("ada", "approver")
    assert (await ada.call("POST", f"/rollouts/{uuid4()}/abort", {})).status_code == 404
    assert (await steer(ada, rollout, "explode")).status_code in {403, 404}
