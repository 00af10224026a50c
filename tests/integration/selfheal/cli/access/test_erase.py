"""`selfheal erase` on a real database."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from selfheal.cli.main import app
from selfheal.erasure.erasing import Eraser
from services.common.personal.names import hash_name

ID = "ann@example.com"
TEXT = "Write to Ann about her illness, please."
INSERT = """
    WITH row AS (
        INSERT INTO execution_logs (request_id, task_type, user_input)
        VALUES (gen_random_uuid(), 'code_generation', $1) RETURNING id, request_id
    ), conversation AS (
        INSERT INTO selfheal.conversations
            (execution_id, request_id, messages, model_asked, end_user)
        SELECT id, request_id, '[]', 'code_generation', $2::text FROM row WHERE $2::text IS NOT NULL
    )
    SELECT request_id FROM row
"""
COUNT = "SELECT count(*) FROM execution_logs WHERE user_input <> ''"


@pytest.fixture
def ask(operator: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., UUID]:
    monkeypatch.setenv("END_USER_KEY", "k" * 32)
    name = hash_name(ID, SecretStr("k" * 32))
    return lambda text=TEXT, name=name: operator.sql(INSERT, text, name)


def test_it_is_shown_and_asked_before_anything_is_erased(
    operator: Any, ask: Callable[..., UUID]
) -> None:
    ask()
    seen = operator.selfheal("erase", "--end-user", ID, "--dry-run")
    assert seen.exit_code == 0, seen.output
    assert "execution_logs" in seen.stdout
    assert "to erase in" in seen.stdout
    refused = CliRunner().invoke(app, ["erase"], input=f"{ID}\nn\n")
    assert refused.exit_code == 1
    assert "Nothing was erased." in refused.stderr
    assert operator.sql(COUNT) == 1
    assert operator.sql("SELECT count(*) FROM selfheal.audit WHERE object LIKE 'person%'") == 0


def test_where_nobody_can_be_asked_it_says_which_option_answers(
    operator: Any, ask: Callable[..., UUID]
) -> None:
    ask()
    for command, option in ((["erase"], "--end-user"), (["erase", "--end-user", ID], "--yes")):
        done = CliRunner().invoke(app, command, input="")
        assert done.exit_code == 1
        assert option in done.stderr
        assert "Nothing was erased." in done.stderr
    assert operator.sql(COUNT) == 1


def test_the_receipt_says_what_went_and_what_is_not_reached(
    operator: Any, ask: Callable[..., UUID]
) -> None:
    ask()
    nameless = ask(name=None)
    told = operator.json("erase", "--end-user", ID, "--request", str(nameless), "--yes")
    assert told["erased"] is True
    assert told["person"] == hash_name(ID, SecretStr("k" * 32))
    assert told["removed"]["execution_logs"] == 2
    assert told["removed"]["selfheal.conversations"] == 1
    assert told["left"] == []
    assert {
        "backups",
        "providers",
        "traces",
        "exports",
        "logs",
        "spools",
        "guide_route",
        "outlived",
    } <= set(told["not_reached"])
    assert ID not in json.dumps(told)
    assert operator.sql(COUNT) == 0
    shown = operator.selfheal("erase", "--end-user", ID, "--yes")
    assert "Not reached:" in shown.stdout
    assert "guide route: " in shown.stdout


def test_what_takes_a_hand_makes_it_fail(operator: Any, ask: Callable[..., UUID]) -> None:
    ask()
    operator.deploy(f"Answer as in: {TEXT}")
    done = operator.selfheal("erase", "--end-user", ID, "--yes")
    assert done.exit_code == 1
    assert "Left: The prompt of code_generation that serves, version 99" in done.stdout
    assert operator.sql(COUNT) == 1


def test_where_nobody_is_found_it_asks_for_the_key(
    operator: Any, ask: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask()
    monkeypatch.setenv("END_USER_KEY", "another" * 5)
    done = operator.selfheal("erase", "--end-user", ID, "--yes")
    assert done.exit_code == 0
    assert "Is END_USER_KEY the one" in done.stderr
    assert operator.sql(COUNT) == 1


def test_two_who_wait_for_each_others_rows_are_told_to_try_again(
    operator: Any, ask: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask()

    async def give_way(*_: Any) -> None:
        raise asyncpg.DeadlockDetectedError("deadlock detected")

    monkeypatch.setattr(Eraser, "_erase_batch", give_way)
    done = operator.selfheal("erase", "--end-user", ID, "--yes")
    assert done.exit_code == 1
    assert "Run the same command again." in done.stderr


def test_nobody_is_not_a_person(operator: Any) -> None:
    done = operator.selfheal("erase", "--end-user", "", "--yes")
    assert done.exit_code == 2
    assert "name an end user" in done.stderr
