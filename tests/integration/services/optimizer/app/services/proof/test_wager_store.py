"""Wagers on real rows: what begins an incident, what is carried, and what races leave."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from services.common.models import Prompt
from services.common.proof.betting import alpha_of
from services.common.record.healing_runs import HealingRun, Repair, record_run, register_candidate
from services.optimizer.app.services.prompt_patcher import promote
from services.optimizer.app.services.proof.replay_results import GOLDEN, ReplayInput
from services.optimizer.app.services.proof.wager_store import load_wagers

Connection = asyncpg.Connection
Connect = Callable[[], Awaitable[Connection]]
Deploy = Callable[..., Awaitable[int]]
LoadActive = Callable[[], Awaitable[Prompt]]

GOOD = "You write Python."


def item(text: str) -> ReplayInput:
    return ReplayInput(text, text, text, GOLDEN)


async def incident_of(connection: Connection, prompt: Prompt) -> int:
    book = await load_wagers(connection, prompt)
    await book.open("any", [])
    incident: int = await connection.fetchval("SELECT max(incident) FROM selfheal.wagers")
    return incident


async def test_evidence_is_carried_from_heal_to_heal(
    connection: Connection, load_active: LoadActive
) -> None:
    prompt = await load_active()
    book = await load_wagers(connection, prompt)
    await book.open(GOOD, [item("seen")])
    await book.bet(GOOD, [("p", 1.0), ("q", -0.25)])
    later = await load_wagers(connection, prompt)
    found = later.find(GOOD)
    assert (found.gains, found.number, found.alpha) == ((1.0, -0.25), 1, alpha_of(1))
    assert found.seen == {"p", "q", item("seen").fingerprint}
    assert (await later.open(GOOD, [])).gains == (1.0, -0.25)
    assert later.find("another").number == 2


async def test_the_optimizer_s_promotions_go_on_with_an_incident_and_a_hand_begins_one(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    broken = await load_active()
    begun = await incident_of(connection, broken)
    candidate_id = await register_candidate(connection, broken, content=GOOD, strategy="s")
    run = HealingRun(broken, "promoted", "better", "prompt", {}, "test", candidate_id)
    await promote(connection, run, Repair(candidate_id, GOOD, "s: better", 50.0))
    healed = await load_active()
    assert await incident_of(connection, healed) == begun
    # The number goes on as well: another incumbent's texts share the incident's error rate.
    numbers = await connection.fetch("SELECT number FROM selfheal.wagers ORDER BY id")
    assert [row["number"] for row in numbers] == [1, 2]
    await deploy()
    deployed = await incident_of(connection, await load_active())
    assert deployed > begun
    # Of the same row too: whoever activates it again begins anew.
    for active in (False, True):
        await connection.execute(
            "UPDATE prompts SET is_active = $1 WHERE id = $2", active, (await _latest(connection))
        )
    assert await incident_of(connection, await load_active()) > deployed


async def _latest(connection: Connection) -> int:
    latest: int = await connection.fetchval(
        "SELECT id FROM prompts WHERE task_type = 'code_generation' ORDER BY version DESC LIMIT 1"
    )
    return latest


async def test_an_input_counts_once_whoever_bets_on_it(
    connection: Connection, load_active: LoadActive
) -> None:
    prompt = await load_active()
    one, other = [await load_wagers(connection, prompt) for _ in range(2)]
    wager = await one.open(GOOD, [])
    same = await other.open(GOOD, [item("written on")])
    assert wager.id == same.id
    await one.bet(GOOD, [("p", 1.0)])
    decided = await other.bet(
        GOOD, [("p", -1.0), (item("written on").fingerprint, 1.0), ("q", 0.5)]
    )
    assert decided.gains == (1.0, 0.5)


async def test_what_any_heal_of_the_incident_chose_on_is_never_bet_on(
    connection: Connection, load_active: LoadActive
) -> None:
    prompt = await load_active()
    used = {
        "a": {"half": "choosing", "fingerprint": "c1"},
        "b": {"half": "verdict", "fingerprint": "v1"},
        "c": {"half": "choosing"},
    }
    for inputs in ({"used": used}, {"used": ["damaged"]}, {}):
        run = HealingRun(prompt, "held", "not_better", "prompt", {"inputs": inputs}, "test")
        await record_run(connection, run)
    book = await load_wagers(connection, prompt)
    assert (await book.open(GOOD, [])).seen == {"c1"}


@pytest.mark.parametrize("texts", [["a"] * 6, list("abcdef")], ids=["one-text", "six-texts"])
async def test_those_that_open_wagers_at_once_get_one_number_a_text(
    connection: Connection, connect: Connect, load_active: LoadActive, texts: list[str]
) -> None:
    prompt = await load_active()
    books = [await load_wagers(await connect(), prompt) for _ in texts]
    wagers = await asyncio.gather(
        *(book.open(text, []) for book, text in zip(books, texts, strict=True))
    )
    numbers = sorted({wager.number for wager in wagers})
    assert numbers == list(range(1, len(set(texts)) + 1))
    assert all(wager.alpha == alpha_of(wager.number) for wager in wagers)
