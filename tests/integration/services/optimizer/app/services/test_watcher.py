"""After a promotion: what does worse is undone, what does well is kept, and a hand wins."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.common.models import Prompt
from services.optimizer.app.services.healing_case import HealingOutcome
from services.optimizer.app.services.healing_runs import (
    Repair,
    Run,
    promote,
    register_candidate,
)
from services.optimizer.app.services.lost_candidates import load_lost
from services.optimizer.app.services.watcher import look_after

Connection = asyncpg.Connection
Connect = Callable[[], Awaitable[Connection]]
Deploy = Callable[..., Awaitable[int]]
LogResult = Callable[..., Awaitable[None]]
LoadActive = Callable[[], Awaitable[Prompt]]
Optimize = Callable[..., Awaitable[dict[str, HealingOutcome]]]
Siblings = Any  # of the conftest, which can't be imported
LookAfter = Callable[[], Awaitable[HealingOutcome | None]]

BEFORE, REPAIR = "You write Python.", "You write Python. Be very brief."
PASS = {"score": 0.9, "passed": True}


@pytest.fixture
def look(connection: Connection, load_active: LoadActive) -> LookAfter:
    """Looks after the last promotion of code generation."""

    async def look_once() -> HealingOutcome | None:
        return await look_after(connection, await load_active(), triggered_by="test")

    return look_once


async def promote_repair(connection: Connection, incumbent: Prompt, content: str = REPAIR) -> None:
    candidate_id = await register_candidate(
        connection, incumbent, content=content, strategy="reflection"
    )
    run = Run(incumbent, "promoted", "better", "prompt", {}, "test", candidate_id)
    await promote(connection, run, Repair(candidate_id, content, "reflection: since", 50.0))


@pytest.fixture
async def promoted(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_active: LoadActive
) -> None:
    """Version 99 passed, and version 100 serves in its place."""
    await deploy(BEFORE, version=99)
    await log_result(times=9, **PASS)
    await promote_repair(connection, await load_active())


async def watches(connection: Connection) -> list[str | None]:
    rows = await connection.fetch("SELECT outcome FROM selfheal.watches ORDER BY id")
    return [row["outcome"] for row in rows]


def events(logs: Any) -> list[str]:
    return [entry["event"] for entry in logs]


async def test_without_a_promotion_there_is_nothing_to_look_after(look: LookAfter) -> None:
    with capture_logs() as logs:
        assert await look() is None
    assert logs == []


async def test_what_does_worse_is_rolled_back(
    connection: Connection,
    promoted: None,
    log_result: LogResult,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    await log_result(times=5, version=100)
    with capture_logs() as logs:
        outcome = await look()
    assert outcome == HealingOutcome("rolled_back", "worse_in_live_traffic", 101)
    assert outcome is not None
    assert outcome.before_version == 100
    prompt = await load_active()
    assert (prompt.version, prompt.content, prompt.created_by) == (101, BEFORE, "optimizer")
    assert await connection.fetchval("SELECT count(*) FROM prompts WHERE is_active") == 1
    assert await watches(connection) == ["rolled_back"]
    report = await connection.fetchrow(
        "SELECT * FROM optimization_reports WHERE id = $1", outcome.report_id
    )
    assert (report["before_prompt_version"], report["after_prompt_version"]) == (100, 101)
    assert report["improvement_pct"] == pytest.approx(100 * (0.9 - 0.36))
    assert report["failure_analysis"]["watch"]["outcome"] == "worse"
    run = await connection.fetchrow(
        "SELECT * FROM selfheal.healing_runs WHERE decision = $1", "rolled_back"
    )
    assert (str(run["id"]), run["report_id"]) == (outcome.run_id, outcome.report_id)
    assert events(logs) == ["promotion_watched", "prompt_rolled_back"]


async def test_what_was_rolled_back_is_not_watched_again(
    promoted: None, log_result: LogResult, look: LookAfter
) -> None:
    await log_result(times=5, version=100)
    await look()
    await log_result(times=9, version=101)
    assert await look() is None


async def test_what_was_rolled_back_is_not_tried_in_the_same_place_again(
    connection: Connection,
    promoted: None,
    log_result: LogResult,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    await log_result(times=5, version=100)
    await look()
    age = "UPDATE selfheal.candidates SET decided_at = decided_at - interval '30 days'"
    await connection.execute(age)
    back = await load_active()
    assert (await load_lost(connection, back)).banned == {REPAIR}
    await connection.execute("UPDATE prompts SET content = 'another' WHERE is_active")
    assert (await load_lost(connection, await load_active())).banned == frozenset()


async def test_a_repair_that_wins_on_replays_and_loses_live_is_undone_once_for_all(
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    optimize: Optimize,
    load_active: LoadActive,
) -> None:
    await deploy()
    await log_result(times=9, **PASS)
    await log_result(times=12)
    assert (await optimize())["code_generation"].decision == "promoted"
    repair = (await load_active()).content
    await log_result(times=12, version=100, score=0.0)
    assert (await optimize())["code_generation"].decision == "rolled_back"
    await log_result(times=5, version=101)
    await optimize()
    assert (await load_active()).content != repair


@pytest.mark.parametrize("failures", [0, 1, 4])
async def test_too_little_data_decides_nothing(
    connection: Connection,
    promoted: None,
    log_result: LogResult,
    look: LookAfter,
    load_active: LoadActive,
    *,
    failures: int,
) -> None:
    await log_result(times=failures, version=100)
    assert await look() is None
    assert (await load_active()).version == 100
    assert await watches(connection) == [None]


async def test_what_does_better_is_kept(
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    await deploy(BEFORE, version=99)
    await log_result(times=9)
    await promote_repair(connection, await load_active())
    await log_result(times=5, version=100, **PASS)
    assert await look() is None
    assert await watches(connection) == ["kept"]
    detail = await connection.fetchval("SELECT detail FROM selfheal.watches")
    assert (detail["outcome"], detail["pairs"]) == ("kept", 5)
    await log_result(times=9, version=100)
    assert await look() is None


async def test_what_a_person_deploys_in_its_place_is_not_looked_after(
    connection: Connection,
    promoted: None,
    deploy: Deploy,
    log_result: LogResult,
    look: LookAfter,
    *,
    load_active: LoadActive,
) -> None:
    await log_result(times=5, version=100)
    await deploy("theirs", version=7)
    assert await look() is None
    assert (await load_active()).content == "theirs"
    assert await watches(connection) == ["superseded"]


async def test_what_a_person_wrote_into_its_row_is_not_rolled_back(
    connection: Connection,
    promoted: None,
    log_result: LogResult,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    """What serves now is theirs, whatever its row is."""
    await connection.execute("UPDATE prompts SET content = 'theirs' WHERE is_active")
    await log_result(times=9, version=100)
    assert await look() is None
    assert (await load_active()).content == "theirs"
    assert await watches(connection) == ["superseded"]


async def test_what_is_gone_back_to_is_what_served(
    connection: Connection,
    promoted: None,
    log_result: LogResult,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    await connection.execute("UPDATE prompts SET content = 'never served' WHERE version = 99")
    await log_result(times=5, version=100)
    await look()
    assert (await load_active()).content == BEFORE


async def test_where_the_row_before_is_gone_there_is_nothing_to_go_back_to(
    connection: Connection, promoted: None, log_result: LogResult, look: LookAfter
) -> None:
    await connection.execute("DELETE FROM prompts WHERE version = 99")
    await log_result(times=5, version=100)
    assert await look() is None
    assert await watches(connection) == ["superseded"]


async def test_a_person_who_deploys_during_the_rollback_wins(
    connection: Connection,
    connect: Connect,
    promoted: None,
    log_result: LogResult,
    *,
    wait_for_lock: Callable[[Connection], Awaitable[None]],
    load_active: LoadActive,
) -> None:
    await log_result(times=5, version=100)
    serving, person = await load_active(), await connect()
    transaction = person.transaction()
    await transaction.start()
    await person.execute("UPDATE prompts SET is_active = FALSE")
    await person.execute(
        "INSERT INTO prompts (task_type, content, version) VALUES ('code_generation', 'theirs', 7)"
    )
    looking = asyncio.create_task(look_after(connection, serving, triggered_by="test"))
    await wait_for_lock(connection)
    await transaction.commit()
    assert await looking is None
    assert (await load_active()).content == "theirs"
    assert await watches(connection) == ["superseded"]


async def test_version_numbers_that_are_used_again_are_told_apart_by_time(
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    """Earlier rows of numbers 99 and 100 say nothing about the prompts that have them now."""
    await deploy("an earlier 100", version=100)
    await log_result(times=20, version=100)
    await deploy("an earlier 99", version=99)
    await log_result(times=20, **PASS)
    await connection.execute("DELETE FROM prompts WHERE content = 'an earlier 100'")
    await deploy(BEFORE, version=99)
    await log_result(times=9)
    await promote_repair(connection, await load_active())
    assert (await load_active()).version == 100
    await log_result(times=9, version=100)
    assert await look() is None
    assert await watches(connection) == [None]


async def test_the_first_thing_a_run_does_is_to_look_after_promotions(
    promoted: None,
    log_result: LogResult,
    optimize: Optimize,
    siblings: Siblings,
    messages: Any,
) -> None:
    await log_result(times=5, version=100)
    outcomes = await optimize()
    assert outcomes == {
        "code_generation": HealingOutcome("rolled_back", "worse_in_live_traffic", 101)
    }
    assert siblings.tasks == []
    assert [message.event for message in messages.told] == ["rolled_back"]
    assert (messages.told[0].version, messages.told[0].before_version) == (101, 100)
