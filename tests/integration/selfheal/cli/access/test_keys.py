"""`selfheal keys` on a real database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from selfheal.cli.access import keys
from services.common.access.key_records import load_valid_keys
from services.common.access.keys import ApiKey, find_key, generate_key

WIDTH = 200


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for console in (keys.output, keys.messages):
        assert isinstance(console, Console)
        monkeypatch.setattr(console, "_width", WIDTH)


def find(operator: Any, text: str) -> ApiKey | None:
    return find_key(text, operator.do(load_valid_keys))


def test_a_key_is_shown_once_alone_on_standard_output_and_works(operator: Any) -> None:
    done = operator.selfheal("keys", "create", "chatbot")
    assert done.exit_code == 0, done.output
    text = done.stdout.strip()
    key = find(operator, text)
    assert key is not None
    assert (key.name, key.scopes, key.task_types, key.expires_at) == (
        "chatbot", {"serve"}, None, None,
    )  # fmt: skip
    assert text.split("_", 2)[2] not in operator.selfheal("keys", "list").output
    assert text.split("_", 2)[2] not in str(operator.json("keys", "list"))


def test_a_key_may_have_several_scopes_and_task_types_and_an_end(operator: Any) -> None:
    made = operator.json(
        "keys", "create", "two", "-s", "read", "--scope", "serve", "-t", "a", "-t", "b",
        "--days", "90",
    )  # fmt: skip
    key = find(operator, made["key"])
    assert key is not None
    assert (key.scopes, key.task_types) == ({"read", "serve"}, {"a", "b"})
    assert key.expires_at is not None
    assert abs(key.expires_at - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=5)
    assert made["id"] == key.id
    listed = operator.selfheal("keys", "list").output
    assert all(word in listed for word in (key.id, "two", "valid", "read, serve", "a, b"))


@pytest.mark.parametrize("whole", [True, False])
def test_a_revoked_key_is_gone_for_good_by_its_id_or_its_text(operator: Any, whole: bool) -> None:
    made = operator.json("keys", "create", "leaked")
    done = operator.selfheal("keys", "revoke", made["key"] if whole else made["id"])
    assert done.exit_code == 0, done.output
    assert made["key"].split("_", 2)[2] not in done.output
    assert find(operator, made["key"]) is None
    assert [key["state"] for key in operator.json("keys", "list")] == ["revoked"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("create",),
        ("create", " "),
        ("create", "x", "--scope", "root"),
        ("create", "x", "--days", "0"),
        ("revoke",),
    ],
)
def test_what_makes_no_sense_makes_no_key(operator: Any, arguments: tuple[str, ...]) -> None:
    assert operator.selfheal("keys", *arguments).exit_code == 2
    assert operator.json("keys", "list") == []


def test_a_key_that_is_not_there_is_told(operator: Any) -> None:
    done = operator.selfheal("keys", "revoke", "0123456789ab")
    assert done.exit_code == 1
    assert "selfheal keys list" in done.stderr


def test_a_task_type_that_nothing_serves_is_told(operator: Any) -> None:
    done = operator.selfheal("keys", "create", "typo", "-t", "code_generation", "-t", "code_gen")
    assert done.exit_code == 0
    assert "Nothing is served yet under: code_gen." in done.stderr


def test_an_id_is_listed_whole(operator: Any) -> None:
    made = operator.json("keys", "create", "a name that is long enough to want the line", "-t", "x")
    operator.selfheal("keys", "revoke", made["id"])
    assert made["id"] in operator.selfheal("keys", "list").output


def test_a_key_that_was_made_elsewhere_is_taken_from_its_file(
    operator: Any, tmp_path: Path
) -> None:
    text = generate_key().text
    file = tmp_path / "key"
    file.write_text(f"{text}\n", encoding="utf-8")
    create = ("keys", "create", "first", "-s", "serve", "-s", "read", "--from-file", str(file))
    for _ in range(2):  # as each replica of the Manager does
        done = operator.selfheal(*create)
        assert done.exit_code == 0, done.output
        assert text.split("_", 2)[2] not in done.output
    key = find(operator, text)
    assert key is not None
    assert (key.name, key.scopes) == ("first", {"read", "serve"})

    operator.selfheal("keys", "revoke", key.id)
    assert operator.selfheal(*create).exit_code == 0
    assert [one["state"] for one in operator.json("keys", "list")] == ["revoked"]


def test_a_file_that_holds_no_key_makes_none(operator: Any, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sh_0123456789ab_short", encoding="utf-8")
    done = operator.selfheal("keys", "create", "first", "--from-file", str(file))
    assert done.exit_code == 2
    assert "holds no key" in done.stderr
    assert operator.json("keys", "list") == []
