"""The trigger that records when a prompt begins to serve, whoever makes it serve."""

import asyncpg
import pytest

Connection = asyncpg.Connection

ACTIVATIONS = "SELECT prompt_id, task_type, version FROM selfheal.activations ORDER BY id"
SEED = (1, "code_generation", 1)


async def read_activations(connection: Connection) -> list[tuple[int, str, int]]:
    return [tuple(row) for row in await connection.fetch(ACTIVATIONS)]


async def test_the_seed_is_activated_once(connection: Connection) -> None:
    assert await read_activations(connection) == [SEED]


@pytest.mark.parametrize(
    ("statement", "recorded"),
    [
        pytest.param(
            "INSERT INTO prompts (task_type, content, version) VALUES ('t', 'c', 99)",
            [(2, "t", 99)],
            id="inserted active",
        ),
        pytest.param(
            "INSERT INTO prompts (task_type, content, is_active) VALUES ('t', 'c', FALSE)",
            [],
            id="inserted inactive",
        ),
        pytest.param("UPDATE prompts SET is_active = FALSE", [], id="deactivated"),
        pytest.param("UPDATE prompts SET is_active = TRUE", [], id="active before and after"),
        pytest.param(
            "UPDATE prompts SET is_active = FALSE; UPDATE prompts SET is_active = TRUE",
            [SEED],
            id="activated again",
        ),
        pytest.param("UPDATE prompts SET content = 'new'", [SEED], id="new text while active"),
        pytest.param(
            "UPDATE prompts SET content = 'new', is_active = FALSE",
            [],
            id="new text while inactive",
        ),
        pytest.param(
            "UPDATE prompts SET change_reason = 'because'", [], id="a column that serves nobody"
        ),
        pytest.param("DELETE FROM prompts", [], id="deleted"),
    ],
)
async def test_a_prompt_is_recorded_when_it_begins_to_serve(
    connection: Connection, statement: str, recorded: list[tuple[int, str, int]]
) -> None:
    await connection.execute(statement)

    assert await read_activations(connection) == [SEED, *recorded]


async def test_what_is_rolled_back_never_served(connection: Connection) -> None:
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("INSERT INTO prompts (task_type, content) VALUES ('t', 'c')")
    await transaction.rollback()

    assert await read_activations(connection) == [SEED]


async def test_activations_within_a_transaction_have_times_of_their_own(
    connection: Connection,
) -> None:
    async with connection.transaction():
        for version in (2, 3):
            await connection.execute(
                "INSERT INTO prompts (task_type, content, version) VALUES ('t', 'c', $1)", version
            )
    times = await connection.fetch(
        "SELECT activated_at FROM selfheal.activations WHERE task_type = 't' ORDER BY id"
    )

    assert times[0]["activated_at"] < times[1]["activated_at"]
