"""Which prompts serve."""

from collections.abc import Awaitable, Callable

import asyncpg

from services.common.record.prompts import load_active_prompts

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]


async def test_each_task_type_is_served_by_its_highest_active_version(
    connection: Connection, deploy: Deploy
) -> None:
    await deploy("letters", version=3, task_type="letters")
    await connection.execute(
        """
        INSERT INTO prompts (task_type, content, version, is_active) VALUES
            ('code_generation', 'higher', 5, TRUE),
            ('code_generation', 'lower', 4, TRUE),
            ('code_generation', 'highest, and not active', 9, FALSE),
            ('letters', 'the same version again', 3, TRUE),
            ('poems', 'not active', 1, FALSE)
        """
    )
    prompts = await load_active_prompts(connection)
    assert [(prompt.task_type, prompt.content) for prompt in prompts] == [
        ("code_generation", "higher"),
        ("letters", "the same version again"),
    ]
