"""What runs leave on record, and how a decision comes into effect: all of it, or nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.common.models import Prompt
from services.optimizer.app.services.prompt_patcher import (
    Activation,
    IncumbentChangedError,
    VersionsExhaustedError,
)
from services.optimizer.app.services.record.healing_runs import (
    HealingRun,
    Repair,
    approve,
    has_open_proposal,
    name_candidate,
    promote,
    propose,
    record_run,
    register_candidate,
    reject,
)

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]
LoadActive = Callable[[], Awaitable[Prompt]]

CONTENT = "You write Python, {braces} and all. \u2603"
DETAIL = {"summary": "since", "cost": {"worker_calls": 3}}
TABLES = (
    "prompts",
    "optimization_reports",
    "selfheal.activations",
    "selfheal.healing_runs",
    "selfheal.candidates",
    "selfheal.watches",
)


async def read_all(connection: Connection) -> dict[str, list[Any]]:
    return {table: await connection.fetch(f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}


async def make_run(
    connection: Connection, prompt: Prompt, decision: str = "promoted"
) -> HealingRun:
    candidate_id = await register_candidate(
        connection, prompt, content=CONTENT, strategy="reflection"
    )
    return HealingRun(prompt, decision, "better", "prompt", DETAIL, "test", candidate_id)


def repair_of(run: HealingRun) -> Repair:
    assert run.candidate_id is not None
    return Repair(run.candidate_id, CONTENT, "reflection: since", 51.4)


async def read_run(connection: Connection, run_id: UUID | None) -> asyncpg.Record:
    return await connection.fetchrow("SELECT * FROM selfheal.healing_runs WHERE id = $1", run_id)


async def outcome_of(connection: Connection, run: HealingRun) -> str | None:
    outcome: str | None = await connection.fetchval(
        "SELECT outcome FROM selfheal.candidates WHERE id = $1", run.candidate_id
    )
    return outcome


async def test_a_run_is_recorded_with_the_text_that_it_looked_at(
    connection: Connection, load_active: LoadActive
) -> None:
    prompt = await load_active()
    run = HealingRun(prompt, "held", "provider_at_fault", "", DETAIL, "test")
    row = await read_run(connection, await record_run(connection, run))
    assert (row["incumbent_prompt_id"], row["incumbent_digest"]) == (
        prompt.id,
        prompt.digest,
    )
    assert (row["decision"], row["reason"], row["verdict"]) == ("held", "provider_at_fault", None)
    assert (row["detail"], row["triggered_by"], row["candidate_id"]) == (DETAIL, "test", None)


async def test_a_promotion_is_one_activation_report_run_and_watch(
    connection: Connection, load_active: LoadActive
) -> None:
    prompt = await load_active()
    run = await make_run(connection, prompt)
    activation = await promote(connection, run, repair_of(run))
    serving = await load_active()
    assert (serving.id, serving.version, serving.content) == (activation.prompt_id, 2, CONTENT)
    row = await read_run(connection, activation.run_id)
    assert (row["report_id"], row["candidate_id"]) == (activation.report_id, run.candidate_id)
    report = await connection.fetchrow("SELECT * FROM optimization_reports")
    assert (report["failure_analysis"], report["improvement_pct"]) == (DETAIL, 51.4)
    [watch] = await connection.fetch("SELECT * FROM selfheal.watches")
    assert (watch["prompt_id"], watch["before_prompt_id"], watch["ended_at"]) == (
        serving.id,
        prompt.id,
        None,
    )
    assert await outcome_of(connection, run) == "promoted"


async def test_a_promotion_over_a_changed_prompt_leaves_no_trace(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    run = await make_run(connection, await load_active())
    await deploy("theirs", version=7)
    before = await read_all(connection)
    with pytest.raises(IncumbentChangedError):
        await promote(connection, run, repair_of(run))
    assert await read_all(connection) == before


async def test_a_promotion_that_no_version_is_left_for_leaves_no_trace(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await deploy(version=2**31 - 1)
    run = await make_run(connection, await load_active())
    before = await read_all(connection)
    with pytest.raises(VersionsExhaustedError):
        await promote(connection, run, repair_of(run))
    assert await read_all(connection) == before


@pytest.mark.parametrize(
    "table", ["selfheal.watches", "selfheal.healing_runs", "optimization_reports", "prompts"]
)
async def test_a_failure_at_any_step_leaves_no_trace(
    connection: Connection, load_active: LoadActive, table: str
) -> None:
    run = await make_run(connection, await load_active())
    before = await read_all(connection)
    name = "selfheal.refuse_for_a_test"
    await connection.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
        f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
    )
    try:
        with pytest.raises(asyncpg.RaiseError):
            await promote(connection, run, repair_of(run))
    finally:
        await connection.execute(f"DROP TRIGGER refuse ON {table}; DROP FUNCTION {name}()")
    assert await read_all(connection) == before


async def test_a_promotion_ends_earlier_watches_and_proposals(
    connection: Connection, load_active: LoadActive
) -> None:
    proposed = await propose(
        connection, await make_run(connection, await load_active(), "proposed")
    )
    for _ in range(2):
        run = await make_run(connection, await load_active())
        await promote(connection, run, repair_of(run))
    watches = await connection.fetch("SELECT outcome FROM selfheal.watches ORDER BY id")
    assert [row["outcome"] for row in watches] == ["superseded", None]
    assert (await read_run(connection, proposed))["resolution"] == "superseded"


async def test_other_task_types_are_left_alone(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await deploy("letters", version=1, task_type="letters")
    letters = Prompt(
        **await connection.fetchrow("SELECT * FROM prompts WHERE task_type = 'letters'")
    )
    waiting = await propose(connection, await make_run(connection, letters, "proposed"))
    run = await make_run(connection, await load_active())
    await promote(connection, run, repair_of(run))
    assert (await read_run(connection, waiting))["resolution"] is None
    assert await has_open_proposal(connection, letters)


async def test_a_proposal_changes_no_prompt_and_replaces_an_earlier_one(
    connection: Connection, load_active: LoadActive
) -> None:
    prompt = await load_active()
    assert not await has_open_proposal(connection, prompt)
    first, second = [
        await propose(connection, await make_run(connection, prompt, "proposed")) for _ in range(2)
    ]
    assert (await read_run(connection, first))["resolution"] == "superseded"
    assert (await read_run(connection, second))["resolution"] is None
    assert await has_open_proposal(connection, prompt)
    assert not await has_open_proposal(connection, replace(prompt, content="edited"))
    assert await load_active() == prompt
    assert await connection.fetchval("SELECT count(*) FROM optimization_reports") == 0


async def test_an_approved_proposal_serves_and_is_watched(
    connection: Connection, load_active: LoadActive
) -> None:
    run = await make_run(connection, await load_active(), "proposed")
    run_id = await propose(connection, run)
    activation = await approve(connection, run_id, run, repair_of(run))
    assert isinstance(activation, Activation)
    assert (await load_active()).content == CONTENT
    row = await read_run(connection, run_id)
    assert (row["resolution"], row["report_id"]) == ("approved", activation.report_id)
    assert await connection.fetchval("SELECT count(*) FROM selfheal.watches") == 1
    assert await outcome_of(connection, run) == "promoted"


async def test_an_outdated_proposal_stays_open(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    run = await make_run(connection, await load_active(), "proposed")
    run_id = await propose(connection, run)
    await deploy("theirs", version=7)
    with pytest.raises(IncumbentChangedError):
        await approve(connection, run_id, run, repair_of(run))
    assert (await read_run(connection, run_id))["resolution"] is None


async def test_a_proposal_that_is_turned_down_has_lost(
    connection: Connection, load_active: LoadActive
) -> None:
    run = await make_run(connection, await load_active(), "proposed")
    run_id = await propose(connection, run)
    assert run.candidate_id is not None
    await reject(connection, run_id, run.candidate_id)
    assert (await read_run(connection, run_id))["resolution"] == "rejected"
    assert await outcome_of(connection, run) == "rejected"


async def test_a_candidate_can_get_the_name_of_who_proposes_it(
    connection: Connection, load_active: LoadActive
) -> None:
    candidate_id = await register_candidate(
        connection, await load_active(), content="x", strategy="tried"
    )
    await name_candidate(connection, candidate_id, "last_good_version")
    name = await connection.fetchval("SELECT strategy FROM selfheal.candidates")
    assert name == "last_good_version"
