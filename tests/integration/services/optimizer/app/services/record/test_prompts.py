"""What the operator's commands write and read of prompts."""

import asyncpg

from services.optimizer.app.services.record.prompts import serve_task_type


async def test_enabling_tells_the_version_and_not_the_row(connection: asyncpg.Connection) -> None:
    assert await serve_task_type(connection, "letters", "Write a letter.") == (1, True)
    assert await serve_task_type(connection, "letters", "Another.") == (1, False)
    row = await connection.fetchrow("SELECT id, version FROM prompts WHERE task_type = 'letters'")
    assert row["version"] == 1
    assert row["id"] != row["version"]
