"""Which texts are not tried: what lost within a day, and what was rolled back, here."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import pytest

from services.common.models import Prompt
from services.common.record.healing_runs import register_candidate, set_outcome
from services.common.record.lost_candidates import LostTexts, load_lost, note_lost

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]
LoadActive = Callable[[], Awaitable[Prompt]]

AGE = "UPDATE selfheal.candidates SET decided_at = decided_at - $1::text::interval"
AGE_ALL = "UPDATE selfheal.candidates SET created_at = created_at - interval '25 hours'"


async def register(connection: Connection, prompt: Prompt, content: str = "lost") -> UUID:
    return await register_candidate(connection, prompt, content=content, strategy="s")


@pytest.mark.parametrize(
    ("outcome", "age", "recent", "banned"),
    [
        pytest.param("lost", "0", {"lost"}, set(), id="lost"),
        pytest.param("lost", "23 hours", {"lost"}, set(), id="lost-within-a-day"),
        pytest.param("lost", "25 hours", set(), set(), id="lost-before"),
        pytest.param("rejected", "0", set(), {"lost"}, id="turned-down"),
        pytest.param("rejected", "25 hours", set(), set(), id="turned-down-before"),
        pytest.param("promoted", "0", set(), set(), id="promoted"),
        pytest.param("proposed", "0", set(), set(), id="proposed"),
        pytest.param("rolled_back", "300 days", set(), {"lost"}, id="rolled-back-whenever"),
    ],
)
async def test_what_is_not_tried_again(
    connection: Connection,
    load_active: LoadActive,
    *,
    outcome: str,
    age: str,
    recent: set[str],
    banned: set[str],
) -> None:
    prompt = await load_active()
    await set_outcome(connection, [await register(connection, prompt)], outcome)
    await connection.execute(AGE, age)
    assert await load_lost(connection, prompt) == LostTexts(frozenset(recent), frozenset(banned))


async def test_other_task_types_have_losers_of_their_own(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await note_lost(connection, [await register(connection, await load_active())])
    await deploy("letters", version=1, task_type="letters")
    letters = Prompt(
        **await connection.fetchrow("SELECT * FROM prompts WHERE task_type = 'letters'")
    )
    assert await load_lost(connection, letters) == LostTexts(frozenset(), frozenset())


async def test_what_was_rolled_back_may_be_tried_in_place_of_another_text(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await set_outcome(connection, [await register(connection, await load_active())], "rolled_back")
    await deploy("another", version=2)
    assert await load_lost(connection, await load_active()) == LostTexts(frozenset(), frozenset())


async def test_trials_that_came_to_nothing_are_forgotten_after_a_day(
    connection: Connection, load_active: LoadActive
) -> None:
    prompt = await load_active()
    await register(connection, prompt, "tried")
    kept = await register(connection, prompt, "decided")
    await set_outcome(connection, [kept], "promoted")
    await connection.execute(AGE_ALL)
    await register(connection, prompt, "new")
    await note_lost(connection, [])
    rows = await connection.fetch("SELECT content FROM selfheal.candidates ORDER BY created_at")
    assert [row["content"] for row in rows] == ["decided", "new"]
