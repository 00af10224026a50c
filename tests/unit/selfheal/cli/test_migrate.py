from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from selfheal.cli.main import app
from selfheal.runtime.postgres.external import ExternalDatabase


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `.env` and no DATABASE_URL but the test's."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "INTERNAL_TOKEN", "INTERNAL_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_database_url_it_says_who_migrates_the_embedded_one() -> None:
    result = CliRunner().invoke(app, ["migrate"])
    assert result.exit_code == 1
    assert "DATABASE_URL isn't set" in result.stderr
    assert "selfheal up" in result.stderr


@pytest.mark.parametrize(
    ("applied", "said"),
    [(["migration 2", "migration 3"], "Applied migration 2, migration 3."), ([], "is current")],
)
def test_it_says_what_it_applied(
    monkeypatch: pytest.MonkeyPatch, applied: list[str], said: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://agent@db/agent_system")
    asked: list[str] = []

    def upgrade(database: ExternalDatabase, passwords: Mapping[str, str]) -> list[str]:
        assert passwords == {}
        asked.append(database.database_url)
        assert database.schema.is_file()
        return applied

    monkeypatch.setattr(ExternalDatabase, "upgrade", upgrade)
    result = CliRunner().invoke(app, ["migrate"])
    assert (result.exit_code, asked) == (0, ["postgresql://agent@db/agent_system"])
    assert said in result.stderr


def test_the_token_is_written_once_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://agent@db/agent_system")
    monkeypatch.setattr(ExternalDatabase, "upgrade", lambda *_: ["migration 2"])
    file = tmp_path / "token"
    tokens = []
    for _ in range(2):
        result = CliRunner().invoke(app, ["migrate", "--internal-token-file", str(file)])
        assert result.exit_code == 0, result.output
        tokens.append(file.read_text())
        assert tokens[-1].strip() not in result.output
    assert tokens[0] == tokens[1]
    assert len(tokens[0].strip()) >= 32
    assert file.stat().st_mode & 0o777 == 0o640


def test_the_users_passwords_go_into_files_that_postgresqls_clients_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://agent@db/agent_system")
    given: list[Mapping[str, str]] = []

    def upgrade(_: ExternalDatabase, passwords: Mapping[str, str]) -> list[str]:
        given.append(dict(passwords))
        return []

    monkeypatch.setattr(ExternalDatabase, "upgrade", upgrade)
    manager, console = tmp_path / "manager", tmp_path / "console"
    options = [
        *("--manager-password-file", str(manager)),
        *("--console-password-file", str(console)),
    ]
    for _ in range(2):
        result = CliRunner().invoke(app, ["migrate", *options])
        assert result.exit_code == 0, result.output
        assert not any(password in result.output for password in given[-1].values())
    assert given[0] == given[1]
    for file, role in ((manager, "selfheal_manager"), (console, "selfheal_console")):
        assert file.read_text() == f"*:*:*:{role}:{given[0][role]}\n"
        assert file.stat().st_mode & 0o777 == 0o600
        assert len(given[0][role]) >= 32


def test_the_consoles_token_is_written_once_and_is_the_owners_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://agent@db/agent_system")
    monkeypatch.setattr(ExternalDatabase, "upgrade", lambda *_: [])
    file = tmp_path / "token"
    for _ in range(2):
        result = CliRunner().invoke(app, ["migrate", "--console-token-file", str(file)])
        assert result.exit_code == 0, result.output
        kept = file.read_text()
        assert kept.strip() not in result.output
    assert kept == file.read_text()
    assert len(kept.strip()) >= 32
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_of_another_kind_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://agent@db/agent_system")
    file = tmp_path / "mine"
    file.write_text("something else")
    result = CliRunner().invoke(app, ["migrate", "--console-password-file", str(file)])
    assert result.exit_code == 1
    assert "isn't a password file" in result.stderr
    assert file.read_text() == "something else"


def test_it_says_that_the_console_has_no_way_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://agent@db/agent_system")
    monkeypatch.delenv("CONSOLE_DATABASE_URL", raising=False)
    monkeypatch.setattr(ExternalDatabase, "upgrade", lambda *_: [])
    assert "--console-password-file" in CliRunner().invoke(app, ["migrate"]).stderr
    monkeypatch.setenv("CONSOLE_DATABASE_URL", "postgresql://reader@db/agent_system")
    assert "--console-password-file" not in CliRunner().invoke(app, ["migrate"]).stderr
