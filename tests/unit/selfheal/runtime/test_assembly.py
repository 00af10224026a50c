"""What psql gets of the variables that a shell holds, and how long processes may take to end."""

from pathlib import Path

import pytest

from selfheal.runtime import assembly
from selfheal.runtime.assembly import build_system, psql_environment
from services.common.config import Settings

SHELL = {
    "PGSSLMODE": "require",
    "PGHOSTADDR": "192.0.2.1",
    "PGSERVICE": "other",
    "PGOPTIONS": "-c search_path=x",
    "PGPASSWORD": "theirs",
    "PGHOST": "192.0.2.1",
    "PGUSER": "them",
}


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in SHELL.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


def given_to_psql(settings: Settings) -> dict[str, str]:
    environment = psql_environment(settings)
    return {name: value for name, value in environment.items() if name.startswith("PG")}


def test_the_embedded_database_is_reached_by_its_own_variables_alone(tmp_path: Path) -> None:
    (tmp_path / ".selfheal").mkdir()
    (tmp_path / ".selfheal" / "postgres-password").write_text("ours")
    assert given_to_psql(Settings()) == {
        "PGHOST": "127.0.0.1",
        "PGPORT": "5432",
        "PGUSER": "agent",
        "PGDATABASE": "agent_system",
        "PGPASSWORD": "ours",
    }


def test_of_a_server_of_one_s_own_the_shell_says_what_the_url_leaves_out() -> None:
    settings = Settings(database_url="postgresql://me@db/name")
    assert given_to_psql(settings) == {
        "PGSSLMODE": "require",
        "PGPASSWORD": "theirs",
        "PGHOST": "db",
        "PGUSER": "me",
        "PGDATABASE": "name",
    }


def test_a_process_may_take_as_long_to_end_as_its_settings_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr(assembly, "ProcessTable", lambda _home, **options: given.update(options))
    build_system(Settings(drain_seconds=3, grace_seconds=20))
    assert given["stop_seconds"] == 25


def test_a_reset_takes_spool_and_key_along_with_the_data_and_leaves_them_for_a_server_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[set[Path]] = []

    def take(*_: object, service_files: list[Path], **__: object) -> None:
        given.append(set(service_files))

    monkeypatch.setattr(assembly, "System", take)
    monkeypatch.chdir(tmp_path)
    build_system(Settings(selfheal_home=tmp_path))
    build_system(Settings(selfheal_home=tmp_path, database_url="postgresql://own.example/db"))
    assert given[0] - given[1] == {tmp_path / "spool", tmp_path / "end-user-key"}
