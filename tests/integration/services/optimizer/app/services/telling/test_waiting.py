"""Watches and canaries that lack answers for a day, on real rows."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg

from services.common.models import Prompt
from services.common.record.healing_runs import HealingRun, Repair, register_candidate
from services.common.record.rollouts.steps import start_rollout
from services.optimizer.app.services.prompt_patcher import promote
from services.optimizer.app.services.telling.waiting import find_waiting

Connection = asyncpg.Connection
LoadActive = Callable[[], Awaitable[Prompt]]


async def prove(connection: Connection, prompt: Prompt, decision: str) -> tuple[HealingRun, Repair]:
    candidate_id = await register_candidate(connection, prompt, content="Good.", strategy="s")
    run = HealingRun(prompt, decision, "better", "prompt", {}, "test", candidate_id)
    return run, Repair(candidate_id, "Good.", "s: better", 50.0)


async def told(connection: Connection) -> list[tuple[str, int | None]]:
    return [(one.event, one.version) for one in await find_waiting(connection)]


async def test_a_watch_waits_once_a_day_has_gone_by_and_answers_lack(
    connection: Connection, load_active: LoadActive
) -> None:
    await promote(connection, *await prove(connection, await load_active(), "promoted"))
    version = (await load_active()).version
    assert await told(connection) == []
    age = "UPDATE selfheal.watches SET started_at = started_at - $1::interval"
    await connection.execute(age, timedelta(days=1))
    assert await told(connection) == [("watch_waits", version)]
    lacks = "UPDATE selfheal.watches SET detail = jsonb_build_object('lacks', $1::text)"
    for lacking, expected in (("certainty", []), ("answers", [("watch_waits", version)])):
        await connection.execute(lacks, lacking)
        assert await told(connection) == expected
    await connection.execute("UPDATE selfheal.watches SET ended_at = now(), outcome = 'kept'")
    assert await told(connection) == []


async def test_a_canary_waits_once_its_step_has_lasted_a_day(
    connection: Connection, load_active: LoadActive
) -> None:
    serving = await load_active()
    run, repair = await prove(connection, serving, "canary")
    await start_rollout(connection, run, repair, (0.1, 1.0))
    assert await told(connection) == []
    await connection.execute(
        "UPDATE selfheal.rollouts SET step_started_at = now() - interval '1 day'"
    )
    assert await told(connection) == [("canary_waits", serving.version)]
    await connection.execute("UPDATE selfheal.rollouts SET share = 0")
    assert await told(connection) == []
