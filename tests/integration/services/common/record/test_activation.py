"""Activation on a real PostgreSQL: all or nothing, and never over a person's head."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from services.common.database import CONNECTION_ERRORS
from services.common.models import Prompt
from services.common.record.activation import (
    Activation,
    IncumbentChangedError,
    Patch,
    RepairReport,
    VersionsExhaustedError,
    patch_prompt,
    serve_task_type,
)

Connection = asyncpg.Connection
Connect = Callable[[], Awaitable[Connection]]
Deploy = Callable[..., Awaitable[int]]
LoadActive = Callable[[], Awaitable[Prompt]]
WaitForLock = Callable[[Connection], Awaitable[None]]

PATCH = Patch("You write Python.", "last_good_version: since", "optimizer")
REPORT = RepairReport({"failures": {"count": 5}}, 51.4, "cronjob")
ACTIVE = """
    SELECT version, content FROM prompts
    WHERE task_type = $1 AND is_active = TRUE ORDER BY version DESC
"""


async def read_all(connection: Connection) -> dict[str, list[Any]]:
    """Every row that an activation could touch."""
    return {
        table: await connection.fetch(f"SELECT * FROM {table} ORDER BY id")
        for table in ("prompts", "optimization_reports", "selfheal.activations")
    }


async def active(connection: Connection, task_type: str = "code_generation") -> list[Any]:
    return [tuple(row) for row in await connection.fetch(ACTIVE, task_type)]


async def patch(
    connection: Connection, incumbent: Prompt, report: RepairReport | None = REPORT
) -> Activation:
    return await patch_prompt(connection, incumbent=incumbent, patch=PATCH, report=report)


async def test_the_patch_serves_as_the_next_version_and_is_reported(
    connection: Connection, load_active: LoadActive
) -> None:
    seed = await load_active()
    activation = await patch(connection, seed)
    assert activation.version == 2
    assert await active(connection) == [(2, PATCH.content)]
    row = await connection.fetchrow("SELECT * FROM prompts WHERE version = 2")
    assert (row["change_reason"], row["created_by"]) == (PATCH.change_reason, "optimizer")
    report = await connection.fetchrow("SELECT * FROM optimization_reports")
    assert report["id"] == activation.report_id
    assert (report["before_prompt_version"], report["before_prompt_content"]) == (1, seed.content)
    assert (report["after_prompt_version"], report["after_prompt_content"]) == (2, PATCH.content)
    assert report["failure_analysis"] == {"failures": {"count": 5}}
    assert report["improvement_pct"] == pytest.approx(51.4)
    assert report["triggered_by"] == "cronjob"


async def test_without_a_report_none_is_written(
    connection: Connection, load_active: LoadActive
) -> None:
    activation = await patch(connection, await load_active(), report=None)
    assert activation == Activation((await load_active()).id, version=2, report_id=None)
    assert await connection.fetchval("SELECT count(*) FROM optimization_reports") == 0


async def test_a_version_follows_the_highest_whatever_lies_between(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await deploy(version=99)
    assert (await patch(connection, await load_active())).version == 100


async def test_a_version_follows_the_highest_even_where_a_lower_one_serves(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await deploy(version=99)
    await connection.execute("UPDATE prompts SET is_active = (version = 1)")
    assert (await patch(connection, await load_active())).version == 100


async def test_where_no_higher_version_is_left_the_incumbent_goes_on_serving(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await deploy(version=2**31 - 1)
    before = await read_all(connection)
    with pytest.raises(VersionsExhaustedError, match="2147483647"):
        await patch(connection, await load_active())
    assert await read_all(connection) == before


async def test_all_that_was_left_active_is_deactivated(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await deploy(version=99)
    await connection.execute("UPDATE prompts SET is_active = TRUE")
    assert [version for version, _ in await active(connection)] == [99, 1]
    await patch(connection, await load_active())
    assert await active(connection) == [(100, PATCH.content)]


async def test_other_task_types_are_left_alone(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await deploy("Write letters.", version=7, task_type="letters")
    await patch(connection, await load_active())
    assert await active(connection, "letters") == [(7, "Write letters.")]
    assert await active(connection) == [(2, PATCH.content)]


@pytest.mark.parametrize(
    "content", ["{braces} {{ jinja }} %s $1 ${x} \\d", "당신은 코드 생성기입니다.\n'quoted'\t😀"]
)
async def test_a_text_is_stored_as_it_is(
    connection: Connection, load_active: LoadActive, content: str
) -> None:
    await patch_prompt(
        connection, incumbent=await load_active(), patch=Patch(content, "since", "optimizer")
    )
    assert await active(connection) == [(2, content)]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            "UPDATE prompts SET is_active = FALSE;"
            "INSERT INTO prompts (task_type, content, version) VALUES ('code_generation', 'x', 7)",
            id="another-prompt-was-activated",
        ),
        pytest.param(
            "INSERT INTO prompts (task_type, content, version) VALUES ('code_generation', 'x', 7)",
            id="a-higher-version-was-activated-beside-it",
        ),
        pytest.param(
            "UPDATE prompts SET is_active = FALSE;"
            "INSERT INTO prompts (task_type, content) SELECT task_type, content FROM prompts",
            id="the-same-text-and-version-in-a-new-row",
        ),
        pytest.param("UPDATE prompts SET content = content || ' '", id="its-text-was-edited"),
        pytest.param("UPDATE prompts SET is_active = FALSE", id="it-was-deactivated"),
        pytest.param("DELETE FROM prompts", id="it-was-deleted"),
    ],
)
async def test_nothing_is_activated_over_what_a_person_did_meanwhile(
    connection: Connection, load_active: LoadActive, statement: str
) -> None:
    incumbent = await load_active()
    await connection.execute(statement)
    before = await read_all(connection)
    with pytest.raises(IncumbentChangedError, match="changed in the meantime"):
        await patch(connection, incumbent)
    assert await read_all(connection) == before


async def test_nothing_is_activated_over_what_a_person_is_about_to_commit(
    connection: Connection,
    connect: Connect,
    load_active: LoadActive,
    wait_for_lock: WaitForLock,
) -> None:
    incumbent = await load_active()
    person, watcher = await connect(), await connect()
    transaction = person.transaction()
    await transaction.start()
    await person.execute("UPDATE prompts SET is_active = FALSE")
    await person.execute(
        "INSERT INTO prompts (task_type, content, version) VALUES ('code_generation', 'theirs', 7)"
    )
    patching = asyncio.create_task(patch(connection, incumbent))
    await wait_for_lock(connection)
    await transaction.commit()
    with pytest.raises(IncumbentChangedError):
        await patching
    assert await active(watcher) == [(7, "theirs")]


async def test_two_optimizers_at_once_give_one_promotion(
    connection: Connection, connect: Connect, load_active: LoadActive
) -> None:
    incumbent = await load_active()
    patchers = [await connect() for _ in range(4)]
    outcomes = await asyncio.gather(
        *(patch(patcher, incumbent) for patcher in patchers), return_exceptions=True
    )
    assert [outcome.version for outcome in outcomes if isinstance(outcome, Activation)] == [2]
    assert sum(isinstance(outcome, IncumbentChangedError) for outcome in outcomes) == 3
    assert await active(connection) == [(2, PATCH.content)]
    assert await connection.fetchval("SELECT count(*) FROM optimization_reports") == 1


async def test_a_connection_that_dies_half_way_changes_nothing_and_blocks_no_reader(
    connection: Connection,
    connect: Connect,
    load_active: LoadActive,
    wait_for_lock: WaitForLock,
) -> None:
    incumbent = await load_active()
    before = await read_all(connection)
    blocker, patcher = await connect(), await connect()
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("LOCK TABLE optimization_reports IN ACCESS EXCLUSIVE MODE")
    patching = asyncio.create_task(patch(patcher, incumbent))
    await wait_for_lock(patcher)
    assert await active(connection) == [(1, incumbent.content)]
    await connection.execute("SELECT pg_terminate_backend($1)", patcher.get_server_pid())
    with pytest.raises(CONNECTION_ERRORS):
        await patching
    await transaction.rollback()
    assert await read_all(connection) == before


async def test_a_report_that_is_refused_leaves_the_incumbent_serving(
    connection: Connection, load_active: LoadActive
) -> None:
    before = await read_all(connection)
    report = RepairReport({}, 1.0, "x" * 65)
    with pytest.raises(asyncpg.StringDataRightTruncationError):
        await patch(connection, await load_active(), report)
    assert await read_all(connection) == before


async def test_what_was_replaced_can_not_be_replaced_again(
    connection: Connection, load_active: LoadActive
) -> None:
    seed = await load_active()
    await patch(connection, seed)
    with pytest.raises(IncumbentChangedError):
        await patch(connection, seed)
    assert (await patch(connection, await load_active())).version == 3


async def test_enabling_tells_the_version_and_not_the_row(connection: asyncpg.Connection) -> None:
    assert await serve_task_type(connection, "letters", "Write a letter.") == (1, True)
    assert await serve_task_type(connection, "letters", "Another.") == (1, False)
    row = await connection.fetchrow("SELECT id, version FROM prompts WHERE task_type = 'letters'")
    assert row["version"] == 1
    assert row["id"] != row["version"]
