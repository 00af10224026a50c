"""The SQL of the workshop guide's demo, as printed there."""

import asyncpg
import pytest

Connection = asyncpg.Connection

INJECT_BAD_PROMPT = """
  UPDATE prompts SET is_active = FALSE WHERE task_type = 'code_generation';
  INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by)
  VALUES ('code_generation', 'just say hello world to everything', 99, TRUE, 'demo: bad prompt', 'mentor');
"""  # noqa: E501 - as printed
SEED_CHECK = "SELECT * FROM prompts;"
LOG_CHECK = (
    "SELECT request_id, evaluation_score, evaluation_passed FROM execution_logs "
    "ORDER BY created_at DESC LIMIT 5;"
)
HEALED_CHECK = (
    "SELECT version, is_active, LEFT(content, 80) FROM prompts "
    "WHERE task_type='code_generation' ORDER BY version DESC LIMIT 3;"
)
REFERENCE_PROMPTS = "SELECT version, is_active, LEFT(content, 80) FROM prompts ORDER BY version;"
REFERENCE_LOGS = (
    "SELECT evaluation_score, evaluation_passed FROM execution_logs "
    "ORDER BY created_at DESC LIMIT 10;"
)


async def test_the_bad_prompt_goes_in_as_often_as_the_mentor_likes(connection: Connection) -> None:
    for times in (1, 2):
        await connection.execute(INJECT_BAD_PROMPT)
        rows = await connection.fetch(HEALED_CHECK)

        bad = [tuple(row) for row in rows if row["version"] == 99]
        assert len(bad) == times
        assert [row for row in bad if row[1]] == [(99, True, "just say hello world to everything")]


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        pytest.param(SEED_CHECK, 1, id="the seed"),
        pytest.param(LOG_CHECK, 0, id="the log"),
        pytest.param(HEALED_CHECK, 1, id="the versions"),
        pytest.param(REFERENCE_PROMPTS, 1, id="reference: prompts"),
        pytest.param(REFERENCE_LOGS, 0, id="reference: logs"),
    ],
)
async def test_the_guides_queries_run_on_a_new_database(
    connection: Connection, statement: str, rows: int
) -> None:
    assert len(await connection.fetch(statement)) == rows
