"""The cooldown on real rows: what counts as the same text, and what a person begins anew."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from services.common.models import Prompt
from services.common.record.healing_runs import HealingRun, Repair, record_run, register_candidate
from services.optimizer.app.services.diagnosis.cooldown import PauseRules, load_past_runs
from services.optimizer.app.services.diagnosis.healing_case import Case
from services.optimizer.app.services.log.log_records import Window
from services.optimizer.app.services.log_analyzer import analyze_failures
from services.optimizer.app.services.prompt_patcher import promote

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]
LoadActive = Callable[[], Awaitable[Prompt]]

GOOD = "You write Python."


async def hold(connection: Connection, prompt: Prompt) -> None:
    await record_run(
        connection, HealingRun(prompt, "held", "no_better_candidate", "prompt", {}, "test")
    )


async def heal(connection: Connection, prompt: Prompt, content: str) -> None:
    candidate_id = await register_candidate(connection, prompt, content=content, strategy="s")
    run = HealingRun(prompt, "promoted", "better", "prompt", {}, "test", candidate_id)
    await promote(connection, run, Repair(candidate_id, content, "s: better", 50.0))


async def ask(connection: Connection, prompt: Prompt, *, most: int = 24) -> str:
    case = Case(prompt, Window(()), analyze_failures((), threshold=3))
    rules = PauseRules(
        asks_first=False,
        is_unattended=True,
        base_seconds=60,
        max_heals_per_day=most,
        max_heals_per_incident=12,
    )
    return await rules.find_pause(connection, case)


async def test_a_new_prompt_is_healed_at_once(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await hold(connection, await load_active())
    await deploy()
    assert await ask(connection, await load_active()) == ""


async def test_a_held_prompt_is_left_alone_for_a_while(
    connection: Connection, load_active: LoadActive
) -> None:
    prompt = await load_active()
    await hold(connection, prompt)
    assert (await ask(connection, prompt)).startswith("cooling_down_until ")
    age = "UPDATE selfheal.healing_runs SET created_at = created_at - $1::interval"
    await connection.execute(age, timedelta(seconds=61))
    assert await ask(connection, prompt) == ""


@pytest.mark.parametrize(
    ("detail", "pauses"),
    [
        pytest.param({"error": "worker_failed", "cost": {"worker_calls": 7}}, True, id="spent"),
        pytest.param({"error": "worker_failed", "cost": {"worker_calls": 0}}, False, id="unspent"),
        pytest.param({"error": "worker_failed"}, False, id="nothing-said"),
        pytest.param({"error": "x", "cost": {"worker_calls": "7"}}, False, id="no-number"),
        pytest.param({"cost": {"worker_calls": 0}}, True, id="held-without-a-call"),
    ],
)
async def test_a_run_that_an_error_ended_counts_once_it_spent_calls(
    connection: Connection, load_active: LoadActive, *, detail: dict[str, Any], pauses: bool
) -> None:
    prompt = await load_active()
    await record_run(connection, HealingRun(prompt, "held", "worker_failed", "", detail, "test"))
    assert (await ask(connection, prompt)).startswith("cooling_down_until ") is pauses


async def test_a_text_that_the_optimizer_brings_back_is_still_the_same_text(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await deploy()
    bad = await load_active()
    await heal(connection, bad, GOOD)
    assert await ask(connection, await load_active()) == ""
    await heal(connection, await load_active(), bad.content)
    assert (await ask(connection, await load_active())).startswith("cooling_down_until ")


@pytest.mark.parametrize("by_hand", ["a new row", "the old row activated again"])
async def test_a_person_who_deploys_a_text_again_wants_it_looked_at_anew(
    connection: Connection, deploy: Deploy, load_active: LoadActive, by_hand: str
) -> None:
    await deploy()
    bad = await load_active()
    await hold(connection, bad)
    await heal(connection, bad, GOOD)
    if by_hand == "a new row":
        await deploy()
    else:
        await connection.execute("UPDATE prompts SET is_active = (id = $1)", bad.id)
    again = await load_active()
    assert again.content == bad.content
    runs = await load_past_runs(connection, again.task_type, again.digest)
    assert [run.same_text for run in runs if run.decision == "held"] == []
    assert await ask(connection, again) == ""


async def test_promotions_of_other_texts_count_for_the_day(
    connection: Connection, load_active: LoadActive
) -> None:
    for number in range(3):
        await heal(connection, await load_active(), f"Text {number}.")
    assert await ask(connection, await load_active(), most=4) == ""
    assert await ask(connection, await load_active(), most=3) == "heals_per_day_reached"


async def test_other_task_types_are_another_matter(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await deploy("You write Python.", task_type="other", version=1)
    other = Prompt(**(await connection.fetchrow("SELECT * FROM prompts WHERE task_type = 'other'")))
    await heal(connection, other, "Something else.")
    await hold(connection, other)
    assert await ask(connection, await load_active(), most=1) == ""
