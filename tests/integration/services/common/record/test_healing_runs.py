"""What runs leave on record, and how a person's answer comes into effect: all of it, or nothing."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from support.healing_runs import CONTENT, DETAIL, make_run, outcome_of, read_run, repair_of

from services.common.models import Prompt
from services.common.record.activation import Activation, IncumbentChangedError
from services.common.record.healing_runs import (
    HealingRun,
    approve,
    name_candidate,
    record_run,
    register_candidate,
    reject,
)

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]
LoadActive = Callable[[], Awaitable[Prompt]]


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


async def test_an_approved_proposal_serves_and_is_watched(
    connection: Connection, load_active: LoadActive
) -> None:
    run = await make_run(connection, await load_active(), "proposed")
    run_id = await record_run(connection, run)
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
    run_id = await record_run(connection, run)
    await deploy("theirs", version=7)
    with pytest.raises(IncumbentChangedError):
        await approve(connection, run_id, run, repair_of(run))
    assert (await read_run(connection, run_id))["resolution"] is None


async def test_a_proposal_that_is_turned_down_has_lost(
    connection: Connection, load_active: LoadActive
) -> None:
    run = await make_run(connection, await load_active(), "proposed")
    run_id = await record_run(connection, run)
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
