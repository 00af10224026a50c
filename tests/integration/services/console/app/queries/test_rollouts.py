"""What the text of a rollout answered stands on no page as the active prompt's doing."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import asyncpg

from services.console.app.queries.heals import load_examples
from services.console.app.queries.now import SELECT_WINDOW, load_events
from services.console.app.queries.prompts import load_failing, load_serving
from services.console.app.queries.request_story import read_story
from services.console.app.queries.workshop import load_progress

Connection = asyncpg.Connection
INSERT = """
    INSERT INTO execution_logs (request_id, task_type, user_input, prompt_version,
        evaluation_score, evaluation_passed, evaluation_detail)
    VALUES ($1, 'code_generation', $2, 99, 0.2, FALSE, $3)
"""


async def log_failures(connection: Connection) -> dict[str, Any]:
    """Log a failure of each arm, and one of before, under the number that a person took."""
    await connection.execute(
        "INSERT INTO prompts (task_type, content, version) VALUES ('code_generation', 'Bad.', 99)"
    )
    ids = {}
    for arm in ("candidate", "incumbent", ""):
        ids[arm] = uuid4()
        worker = {"rollout": str(uuid4()), "arm": arm, "unit": "u"} if arm else {}
        await connection.execute(INSERT, ids[arm], arm or "before", {"worker": worker})
    return ids


async def test_failures_of_the_candidate_are_none_of_the_serving_prompts(
    connection: Connection,
) -> None:
    await log_failures(connection)
    serving = await load_serving(connection, "code_generation")
    assert serving is not None
    failing = await load_failing(connection, serving, 10)
    assert {text for text, _ in failing} == {"incumbent", "before"}
    now = await connection.fetchval("SELECT now()")
    run: Any = SimpleNamespace(task_type="code_generation", version=99, created_at=now)
    examples = await load_examples(connection, run, 30)
    assert {one["text"] for one in examples} == {"incumbent", "before"}
    [window] = await connection.fetch(
        SELECT_WINDOW, ["code_generation"], [99], [serving.created_at]
    )
    assert window["outcomes"] == [False, False]
    assert (await load_progress(connection))[1]["failures"] == 2


async def test_a_request_leads_to_the_prompt_that_answered_it_or_to_none(
    connection: Connection,
) -> None:
    ids = await log_failures(connection)
    stories = {arm: await read_story(connection, one, None) for arm, one in ids.items()}
    prompt_ids = {arm: story["prompt_id"] for arm, story in stories.items() if story}
    assert prompt_ids == {"candidate": None, "incumbent": 2, "": 2}


async def test_a_text_that_serves_a_share_is_an_event_of_its_own(connection: Connection) -> None:
    await connection.execute(
        "INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, incumbent_digest,"
        " decision, reason, detail) VALUES ('code_generation', 1, '', 'canary', 'better', '{}')"
    )
    since = await connection.fetchval("SELECT now() - interval '1 hour'")
    events = await load_events(connection, ["code_generation"], since=since)
    assert "canary" in {event.kind for event in events["code_generation"]}
