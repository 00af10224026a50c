"""How the Optimizer's decision comes into effect: all of it, or nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from support.healing_runs import CONTENT, DETAIL, make_run, outcome_of, read_run, repair_of

from services.common.models import Prompt
from services.common.record.activation import IncumbentChangedError, VersionsExhaustedError
from services.common.record.healing_runs import has_open_proposal, propose
from services.optimizer.app.services.prompt_patcher import promote

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]
LoadActive = Callable[[], Awaitable[Prompt]]

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
