from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from selfheal.cli.main import app
from selfheal.runtime.errors import PostgresError
from selfheal.runtime.postgres.external import ExternalDatabase
from selfheal.runtime.schema.roles import SERVICES, read_or_create_passfile


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `.env` and no DATABASE_URL but the test's."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "WORKER_DATABASE_URL", "INTERNAL_TOKEN", "INTERNAL_TOKEN_FILE"):
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

    def upgrade(database: ExternalDatabase, files: Mapping[str, Path]) -> list[str]:
        assert files == {}
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


def test_the_key_of_end_users_names_is_written_once_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://agent@db/agent_system")
    monkeypatch.setattr(ExternalDatabase, "upgrade", lambda *_: [])
    file = tmp_path / "key"
    keys = []
    for _ in range(2):
        result = CliRunner().invoke(app, ["migrate", "--end-user-key-file", str(file)])
        assert result.exit_code == 0, result.output
        keys.append(file.read_text())
    assert keys[0] == keys[1]
    assert len(keys[0].strip()) >= 32
    assert file.stat().st_mode & 0o777 == 0o600


def test_each_service_has_a_file_for_its_password_and_a_url_that_names_its_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://agent@db/agent_system")
    monkeypatch.setenv("WORKER_DATABASE_URL", "postgresql://theirs@db/agent_system")
    given: list[tuple[Mapping[str, str], Mapping[str, Path]]] = []

    def upgrade(database: ExternalDatabase, files: Mapping[str, Path]) -> list[str]:
        given.append((database.service_urls, files))
        return []

    monkeypatch.setattr(ExternalDatabase, "upgrade", upgrade)
    files = {service: tmp_path / service for service in SERVICES}
    options = [f"--{service}-password-file={file}" for service, file in files.items()]
    result = CliRunner().invoke(app, ["migrate", *options])
    assert result.exit_code == 0, result.output
    assert given == [({"worker": "postgresql://theirs@db/agent_system"}, files)]


def test_a_password_is_added_once_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "passfile"
    first = read_or_create_passfile(file, "one")
    assert file.read_text() == f"*:*:*:one:{first}\n"
    assert len(first) >= 32
    second = read_or_create_passfile(file, "two")
    assert file.read_text() == f"*:*:*:one:{first}\n*:*:*:two:{second}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [read_or_create_passfile(file, name) for name in ("one", "two")] == [first, second]


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


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("something else")
    with pytest.raises(PostgresError, match="isn't a password file"):
        read_or_create_passfile(file, "one")
    assert file.read_text() == "something else"


def test_it_says_that_the_console_has_no_way_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://agent@db/agent_system")
    monkeypatch.delenv("CONSOLE_DATABASE_URL", raising=False)
    monkeypatch.setattr(ExternalDatabase, "upgrade", lambda *_: [])
    assert "--console-password-file" in CliRunner().invoke(app, ["migrate"]).stderr
    monkeypatch.setenv("CONSOLE_DATABASE_URL", "postgresql://reader@db/agent_system")
    assert "--console-password-file" not in CliRunner().invoke(app, ["migrate"]).stderr


def wait_for(
    monkeypatch: pytest.MonkeyPatch, answers: list[str], seconds: str
) -> tuple[int, str, list[str]]:
    """Run `migrate --wait` on a database that answers so: a problem, or nothing."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://agent:secret@db/agent_system")
    monkeypatch.setattr("selfheal.cli.migrate._POLL_SECONDS", 0)
    monkeypatch.delattr(ExternalDatabase, "upgrade")  # it changes nothing

    def start(database: ExternalDatabase) -> bool:
        if problem := answers.pop(0):
            raise PostgresError(problem, remedy="Look.")
        return False

    monkeypatch.setattr(ExternalDatabase, "start", start)
    result = CliRunner().invoke(app, ["migrate", "--wait", seconds])
    return result.exit_code, result.stderr, answers


def test_it_waits_until_another_one_has_migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["It lacks [migration] 7.", "It lacks [migration] 7.", "", "never asked"]
    code, said, left = wait_for(monkeypatch, answers, "600")
    assert (code, left) == (0, ["never asked"])
    assert said.splitlines() == ["waiting: It lacks [migration] 7.", "The schema is current."]


def test_it_waits_no_longer_than_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    code, said, left = wait_for(monkeypatch, ["It can't be reached.", "never asked"], "0")
    assert (code, left) == (1, ["never asked"])
    assert "It can't be reached." in said
    assert "secret" not in said
