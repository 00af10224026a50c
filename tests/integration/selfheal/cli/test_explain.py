"""`selfheal explain` on a real row of the real table."""

import asyncio
import json
from collections.abc import Callable
from uuid import uuid4

import asyncpg
import pytest
from typer.testing import CliRunner

from selfheal.cli.explain import LEAST_DIGITS, SELECT_EXECUTIONS
from selfheal.cli.main import app
from selfheal.cli.short_ids import parse_short_id
from services.common.config import Settings

INSERT = """
    INSERT INTO execution_logs (request_id, task_type, user_input, evaluation_score,
                                evaluation_passed, evaluation_detail)
    VALUES ($1, 'code_generation', 'Write f', 0.4, FALSE, $2)
"""


@pytest.mark.parametrize("digits", [8, 13, 36])
async def test_a_row_is_found_by_the_start_of_its_id(
    connection: "asyncpg.Connection[asyncpg.Record]", digits: int
) -> None:
    """The statement as the command asks it; its range must mean the prefix."""
    ids = [uuid4() for _ in range(20)]
    for request_id in ids:
        await connection.execute(INSERT, request_id, {"capped": True})
    for request_id in ids:
        first_last = parse_short_id(
            str(request_id)[:digits], least=LEAST_DIGITS, of="a request", see="selfheal logs"
        )
        found = await connection.fetch(SELECT_EXECUTIONS, *first_last)
        assert [row["request_id"] for row in found] == [request_id]


def test_the_command_prints_the_row(
    database_url: str,
    make_settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request_id = uuid4()

    async def insert() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(INSERT, request_id, json.dumps({"capped": True}))
        await connection.close()

    asyncio.run(insert())
    monkeypatch.setenv("DATABASE_URL", database_url)
    shown = CliRunner().invoke(app, ["explain", str(request_id)[:8], "--json"])
    assert shown.exit_code == 0, shown.output
    row = json.loads(shown.stdout)
    assert row["request_id"] == str(request_id)
    assert row["evaluation_detail"] == {"capped": True}
    unknown = CliRunner().invoke(app, ["explain", str(uuid4())])
    assert unknown.exit_code == 1
