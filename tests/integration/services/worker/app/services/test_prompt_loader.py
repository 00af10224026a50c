from uuid import UUID

import asyncpg
import pytest
from support.rollouts import end_rollout, open_rollout

from services.common.database import Database
from services.common.errors import (
    DatabaseUnavailableError,
    UnknownCandidateError,
    UnknownTaskTypeError,
)
from services.worker.app.services.prompt_loader import (
    load_active_prompt,
    load_active_versions,
    load_candidate,
    load_shares,
)

Connection = asyncpg.Connection
CANDIDATE = UUID("11111111-2222-4333-8444-555555555555")


async def insert(
    connection: Connection, task_type: str, content: str, version: int, *, is_active: bool = True
) -> None:
    await connection.execute(
        "INSERT INTO prompts (task_type, content, version, is_active) VALUES ($1, $2, $3, $4)",
        task_type,
        content,
        version,
        is_active,
    )


async def test_the_seed_serves_from_the_start(database: Database) -> None:
    prompt = (await load_active_prompt(database, "code_generation")).prompt

    assert (prompt.id, prompt.version, prompt.is_active) == (1, 1, True)
    assert (prompt.change_reason, prompt.created_by) == ("Initial seed prompt", "system")
    assert prompt.content.startswith("You are a Python code generator")


async def test_nothing_is_remembered_between_two_loads(
    database: Database, connection: Connection
) -> None:
    await load_active_prompt(database, "code_generation")
    await connection.execute("UPDATE prompts SET content = 'new'")

    assert (await load_active_prompt(database, "code_generation")).prompt.content == "new"


@pytest.mark.parametrize(
    ("rows", "content"),
    [
        pytest.param([("a", 1), ("b", 2)], "b", id="the highest version serves"),
        pytest.param([("a", 99), ("b", 2)], "a", id="whenever it was inserted"),
        pytest.param([("a", 7), ("b", 7)], "b", id="of one version twice the newer row serves"),
        pytest.param([("a", -5)], "a", id="a version may be negative"),
        pytest.param([("", 1)], "", id="a content may be empty"),
        pytest.param([("{a} %s {{ b }}", 1)], "{a} %s {{ b }}", id="a content is only text"),
    ],
)
async def test_of_several_active_prompts(
    database: Database, connection: Connection, rows: list[tuple[str, int]], content: str
) -> None:
    for text, version in rows:
        await insert(connection, "poetry", text, version)

    assert (await load_active_prompt(database, "poetry")).prompt.content == content


async def test_an_inactive_prompt_never_serves(database: Database, connection: Connection) -> None:
    await insert(connection, "code_generation", "inactive", 99, is_active=False)

    assert (await load_active_prompt(database, "code_generation")).prompt.version == 1


async def test_an_unknown_task_type_names_those_with_an_active_prompt(
    database: Database, connection: Connection
) -> None:
    await insert(connection, "poetry", "p", 1)
    await insert(connection, "retired", "r", 1, is_active=False)
    for task_type in ("unknown", "retired", "CODE_GENERATION", "' OR TRUE --", "%"):
        with pytest.raises(UnknownTaskTypeError) as failure:
            await load_active_prompt(database, task_type)
        assert failure.value.context == {
            "task_type": task_type,
            "known_task_types": ["code_generation", "poetry"],
        }


async def test_where_no_prompt_is_active_none_is_known(
    database: Database, connection: Connection
) -> None:
    await connection.execute("UPDATE prompts SET is_active = FALSE")

    with pytest.raises(UnknownTaskTypeError, match="Known: none"):
        await load_active_prompt(database, "code_generation")
    assert await load_active_versions(database) == {}


async def test_active_versions_are_the_highest_of_each_task_type(
    database: Database, connection: Connection
) -> None:
    await insert(connection, "code_generation", "bad", 99)
    await insert(connection, "poetry", "p", 3)
    await insert(connection, "poetry", "p", 4, is_active=False)

    assert await load_active_versions(database) == {"code_generation": 99, "poetry": 3}


async def test_task_types_by_the_thousand_are_not_all_told(
    database: Database, connection: Connection
) -> None:
    await connection.execute(
        "INSERT INTO prompts (task_type, content) "
        "SELECT 'type_' || number, 'c' FROM generate_series(1, 1000) AS number"
    )

    assert len(await load_active_versions(database)) == 200


async def test_a_candidate_is_for_its_task_type_alone(
    database: Database, connection: Connection
) -> None:
    await connection.execute(
        "INSERT INTO selfheal.candidates (id, task_type, content, strategy, incumbent_prompt_id) "
        "VALUES ($1, 'code_generation', 'a better one', 'test', 1)",
        CANDIDATE,
    )

    assert await load_candidate(database, CANDIDATE, "code_generation") == "a better one"
    with pytest.raises(UnknownCandidateError):
        await load_candidate(database, CANDIDATE, "poetry")
    with pytest.raises(UnknownCandidateError):
        await load_candidate(database, UUID(int=0), "code_generation")


async def test_without_the_table_the_database_is_unavailable(blank_database_url: str) -> None:
    database = Database(blank_database_url, timeout_seconds=5)
    await database.open()

    with pytest.raises(DatabaseUnavailableError):
        await load_active_prompt(database, "code_generation")
    await database.close()


async def test_an_open_rollout_comes_with_the_prompt_that_it_is_for(
    database: Database, connection: Connection
) -> None:
    rollout_id = await open_rollout(connection, share=0.5)
    active = await load_active_prompt(database, "code_generation")

    assert active.prompt.version == 1
    assert active.rollout is not None
    assert (active.rollout.id, active.rollout.share) == (rollout_id, 0.5)
    assert (active.rollout.content, active.rollout.reserved_version) == ("Rolled out.", 2)
    assert await load_shares(database) == {"code_generation": 0.5}

    await end_rollout(connection, rollout_id)
    assert (await load_active_prompt(database, "code_generation")).rollout is None
    assert await load_shares(database) == {}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("UPDATE prompts SET content = content || ' Edited.'", id="an edit by hand"),
        pytest.param(
            "INSERT INTO prompts (task_type, content, version) "
            "SELECT task_type, content, 2 FROM prompts",
            id="a third prompt, of the reserved number and the same text",
        ),
    ],
)
async def test_another_deploy_ends_a_rollout_at_once(
    database: Database, connection: Connection, change: str
) -> None:
    await open_rollout(connection)
    await connection.execute(change)

    assert (await load_active_prompt(database, "code_generation")).rollout is None


async def test_a_rollout_is_of_its_own_task_type_alone(
    database: Database, connection: Connection
) -> None:
    await insert(connection, "poetry", "p", 1)
    await open_rollout(connection, task_type="poetry")

    assert (await load_active_prompt(database, "code_generation")).rollout is None
    assert (await load_active_prompt(database, "poetry")).rollout is not None
