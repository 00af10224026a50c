"""What erasing meets that nobody foresaw: races, odd rows, names and texts that are traps."""

import asyncio
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from selfheal.erasure import erasing
from services.common.personal.names import hash_name, list_stored_names
from services.common.settings.door import DoorSettings

KEY = SecretStr("a key of 256 bits, let us say so")
MARKER = "zebra-77"
TEXT = f"Write to {MARKER} about my illness, please."


@pytest.mark.parametrize("detail", [None, [], [1, "a"], "text", 3, True])
async def test_a_detail_that_is_no_object_loses_its_texts_too(town: Any, detail: Any) -> None:
    await town.ask(TEXT)
    await town.connection.execute("UPDATE execution_logs SET evaluation_detail = $1", detail)
    await town.erase()
    row = await town.connection.fetchrow("SELECT * FROM execution_logs")
    assert row["evaluation_detail"].keys() == {"removed"}


async def test_rows_that_retention_removes_meanwhile_are_passed_over(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.ask(TEXT)
    await town.ask(f"{TEXT} Again.")
    tell = erasing.Eraser._tell

    async def remove_and_tell(*args: Any) -> None:
        await town.connection.execute(
            "WITH gone AS (DELETE FROM execution_logs WHERE id = "
            "(SELECT min(id) FROM execution_logs) RETURNING id) "
            "DELETE FROM selfheal.conversations USING gone WHERE execution_id = gone.id"
        )
        await tell(*args)

    monkeypatch.setattr(erasing.Eraser, "_tell", remove_and_tell)
    receipt = await town.erase()
    assert receipt.removed["execution_logs"] == 1
    assert await town.find(MARKER) == set()


@pytest.mark.parametrize("name", ["a\x00b", "\N{GRINNING FACE}" * 100, "Zoë" * 60, "?%_\\'"])
@pytest.mark.parametrize("kept", ["plain", "hashed"])
async def test_any_name_is_found(town: Any, name: str, kept: Any) -> None:
    settings = DoorSettings(end_user=kept, end_user_key=KEY)
    await town.ask(TEXT, name, settings=settings, user=name)
    await town.erase(name)
    assert await town.find(MARKER) == set()


async def test_of_a_person_all_batches_share_an_arm_still(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "BATCH_ROWS", 1)
    for _ in range(3):
        await town.ask(TEXT, selfheal={"end_user": "ann", "session_id": "s"})
    await town.erase()
    units = await town.connection.fetch("SELECT unit FROM selfheal.rollout_answers")
    assert len({row["unit"] for row in units}) == 1


async def test_whoever_sends_a_code_of_ours_has_no_run_lose_its_reason(town: Any) -> None:
    await town.ask("failures_did_not_recur")
    await town.connection.execute(
        "INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, decision, reason, "
        "detail) VALUES ('code_generation', 1, 'held', 'failures_did_not_recur', $1)",
        {"inputs": {"used": {"failing-1": {"text": "failures_did_not_recur"}}}},
    )
    await town.erase()
    run = await town.connection.fetchrow("SELECT * FROM selfheal.healing_runs")
    assert run["reason"] == "failures_did_not_recur"
    assert "failures_did_not_recur" not in str(run["detail"])


def test_stored_names_can_be_asked_for() -> None:
    names = list_stored_names("a\x00\ud800", KEY)
    assert names[0] == hash_name("a\x00\ud800", KEY)
    assert all("\x00" not in name and name.encode() for name in names)


async def test_a_proposal_whose_text_is_not_the_proven_one_any_more_cannot_be_approved(
    town: Any,
) -> None:
    await town.ask(TEXT)
    proposals = {}
    for content in (f"Answer as in: {TEXT}", "Answer shortly."):
        candidate_id = await town.connection.fetchval(
            "INSERT INTO selfheal.candidates (task_type, content, strategy, incumbent_prompt_id) "
            "VALUES ('code_generation', $1, 'few_shot', 1) RETURNING id", content,
        )  # fmt: skip
        proposals[content] = await town.connection.fetchval(
            "INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, decision, reason, "
            "detail, candidate_id) VALUES ('code_generation', 1, 'proposed', 'proven', '{}', $1) "
            "RETURNING id", candidate_id,
        )  # fmt: skip
    await town.erase()
    runs = await town.connection.fetch("SELECT id, resolution FROM selfheal.healing_runs")
    quoting, other = proposals.values()
    assert {run["id"]: run["resolution"] for run in runs} == {quoting: "superseded", other: None}
    assert await town.find(MARKER) == set()


async def test_what_somebody_removes_while_it_is_looked_through_is_passed_over(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.ask(TEXT)
    await town.connection.execute(
        "INSERT INTO selfheal.candidates (task_type, content, strategy, incumbent_prompt_id) "
        "VALUES ('code_generation', $1, 'x', 1)", TEXT,
    )  # fmt: skip
    fetch = asyncpg.Connection.fetch

    async def remove_and_fetch(self: Any, query: str, *values: Any, **options: Any) -> Any:
        if "FROM selfheal.candidates WHERE id" in query:
            async with town.connect() as another:
                await another.execute("DELETE FROM selfheal.candidates")
        return await fetch(self, query, *values, **options)

    monkeypatch.setattr(asyncpg.Connection, "fetch", remove_and_fetch)
    receipt = await town.erase()
    assert receipt.removed["execution_logs"] == 1
    assert receipt.removed["selfheal.candidates"] == 0
    assert await town.find(MARKER) == set()


async def test_two_erasures_at_once_both_end(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(erasing, "BATCH_ROWS", 1)
    for number in range(3):
        await town.ask(f"{TEXT} {number}")
    async with town.connect() as one, town.connect() as two:
        erasers = [
            erasing.Eraser(connection, town.connect, "cli:op", lambda _: None)
            for connection in (one, two)
        ]
        await asyncio.gather(*(
            eraser.erase(town.person("ann"), spool=town.spool, golden=town.golden)
            for eraser in erasers
        ))  # fmt: skip
    assert await town.find(MARKER) == set()
