"""What the command line says about a database that it can't ask."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from benchmarks.own_ports import take_port
from selfheal.operator_database import ask_database
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings

MakeSettings = Callable[..., Settings]


async def ask(connection: asyncpg.Connection) -> None:
    await connection.fetchval("SELECT count(*) FROM prompts")


def told(settings: Settings) -> str:
    with pytest.raises(EmbeddedRuntimeError) as raised:
        ask_database(settings, ask)
    return f"{raised.value.message} {raised.value.remedy}"


@pytest.mark.parametrize(
    ("part", "other", "remedy"),
    [
        ("password", "wrong", "the password"),
        ("username", "nobody", "Check the user"),
        ("database", "nowhere", "Check the database's name"),
        ("database", "postgres", "selfheal migrate"),
        ("port", "1", "Check that PostgreSQL runs and that DATABASE_URL"),
    ],
)
def test_a_server_of_one_s_own_is_never_to_be_started(
    database_url: str, make_settings: MakeSettings, part: str, other: str, remedy: str
) -> None:
    split = urlsplit(database_url)
    parts = {
        "username": split.username,
        "password": split.password,
        "port": split.port,
        "database": split.path.lstrip("/"),
    } | {part: other}
    place = "{username}:{password}@127.0.0.1:{port}/{database}"
    said = told(make_settings(database_url=f"postgresql://{place.format_map(parts)}"))
    assert remedy in said
    assert "Start the system" not in said


def test_the_embedded_one_is_to_be_started_where_it_does_not_run(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    (tmp_path / ".selfheal").mkdir()
    (tmp_path / ".selfheal" / "postgres-password").write_text("x")
    make_settings()  # leaves the environment without settings
    assert "Start the system with: selfheal up" in told(Settings(postgres_port=take_port()))


@pytest.mark.parametrize("statement", ["SELECT nothing FROM prompts", "SELECT ''::no_type"])
def test_a_schema_of_another_version_is_told_as_one(
    make_settings: MakeSettings, statement: str
) -> None:
    async def ask_for_what_is_not_there(connection: asyncpg.Connection) -> None:
        await connection.execute(statement)

    with pytest.raises(EmbeddedRuntimeError) as raised:
        ask_database(make_settings(), ask_for_what_is_not_there)
    assert "another version's" in raised.value.message
    assert "update this package" in raised.value.remedy
