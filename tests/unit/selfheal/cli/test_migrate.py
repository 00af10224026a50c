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

    def upgrade(database: ExternalDatabase) -> list[str]:
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
    monkeypatch.setattr(ExternalDatabase, "upgrade", lambda _: ["migration 2"])
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
