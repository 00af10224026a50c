"""`selfheal users` on a real database."""

from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from selfheal.cli.access import users
from selfheal.cli.main import app
from services.common.access.accounts import keep_subject
from services.common.access.passwords import is_right_password

PASSWORD = "correct horse battery"
WIDTH = 200


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for console in (users.output, users.messages):
        assert isinstance(console, Console)
        monkeypatch.setattr(console, "_width", WIDTH)


def users_command(*arguments: str, typed: str = f"{PASSWORD}\n{PASSWORD}\n") -> Any:
    return CliRunner().invoke(app, ["users", *arguments], input=typed, env={"COLUMNS": "200"})


def kept_hash(operator: Any, name: str) -> str:
    hashed: str = operator.sql("SELECT password_hash FROM selfheal.users WHERE name = $1", name)
    return hashed


@pytest.fixture
def alice(operator: Any) -> Any:
    assert users_command("create", "alice").exit_code == 0
    return operator


def test_an_account_is_made_with_a_password_that_is_typed_twice(alice: Any) -> None:
    assert is_right_password(kept_hash(alice, "alice"), PASSWORD)
    assert alice.sql("SELECT role FROM selfheal.users") == "viewer"
    done = users_command("create", "bob", typed=f"{PASSWORD}\n{PASSWORD}x\n")
    assert done.exit_code != 0
    assert PASSWORD not in done.output


def test_a_password_comes_from_standard_input_and_never_from_an_argument(operator: Any) -> None:
    done = users_command(
        "create", "bob", "-r", "approver", "-t", "b", "-t", "a", "--password-stdin",
        typed=f"{PASSWORD} \n",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert is_right_password(kept_hash(operator, "bob"), f"{PASSWORD} ")
    assert operator.sql("SELECT task_types FROM selfheal.users") == ["a", "b"]
    assert users_command("create", "carol", "--password", PASSWORD).exit_code == 2


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("eve", "short one\n"),
        ("eve", ""),
        ("local", PASSWORD),
        ("key:chatbot", PASSWORD),
        ("ALICE", PASSWORD),
        (" ", PASSWORD),
        ("a\u202eb", PASSWORD),
        ("x" * 101, PASSWORD),
    ],
)
def test_what_makes_no_good_account_makes_none(alice: Any, name: str, typed: str) -> None:
    assert users_command("create", name, "--password-stdin", typed=typed).exit_code != 0
    assert alice.sql("SELECT COUNT(*) FROM selfheal.users") == 1


def test_accounts_are_listed_without_their_hashes(alice: Any) -> None:
    listed = users_command("list")
    assert all(word in listed.output for word in ("alice", "viewer", "all", "enabled"))
    assert kept_hash(alice, "alice") not in str(alice.json("users", "list"))


def test_an_account_is_changed_and_its_sessions_end(alice: Any) -> None:
    def begin_session() -> None:
        alice.sql("DELETE FROM selfheal.sessions")
        alice.sql(
            "INSERT INTO selfheal.sessions (token_sha256, user_id, expires_at)"
            " SELECT 'x', id, NOW() + INTERVAL '1 hour' FROM selfheal.users"
        )

    ended = "SELECT ended_at IS NOT NULL FROM selfheal.sessions"
    for arguments in (
        ("role", "alice", "approver", "-t", "poetry"),
        ("disable", "Alice"),
        ("enable", "alice"),
        ("password", "alice", "--password-stdin"),
    ):
        begin_session()
        done = users_command(*arguments, typed="another good password")
        assert done.exit_code == 0, done.output
        assert alice.sql(ended) is True, arguments
    assert alice.sql("SELECT (role, task_types, disabled_at)::text FROM selfheal.users") == (
        "(approver,{poetry},)"
    )
    assert is_right_password(kept_hash(alice, "alice"), "another good password")
    assert users_command("role", "alice", "admin").exit_code == 0
    assert alice.sql("SELECT task_types FROM selfheal.users") is None
    assert users_command("disable", "nobody").exit_code == 1


def test_a_providers_account_can_only_be_disabled(operator: Any) -> None:
    subject = {"issuer": "https://idp.example", "subject": "1", "name": "dora"}
    operator.do(lambda db: keep_subject(db, **subject, role="viewer", task_types=None))
    refused = users_command("role", "dora", "admin")
    assert refused.exit_code == 1
    assert "https://idp.example" in refused.output
    assert users_command("password", "dora").exit_code == 1
    assert users_command("disable", "dora").exit_code == 0
    assert operator.sql("SELECT disabled_at IS NOT NULL FROM selfheal.users") is True


def test_changes_are_in_the_audit_without_the_hash(alice: Any) -> None:
    users_command("disable", "alice")
    assert alice.sql("SELECT COUNT(*) FROM selfheal.audit WHERE object LIKE 'user %'") == 2
    assert alice.sql("SELECT COUNT(*) FROM selfheal.audit WHERE after ? 'password_hash'") == 0
