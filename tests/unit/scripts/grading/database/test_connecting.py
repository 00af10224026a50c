import shutil

import pytest
from grading.database import connecting
from grading.database.compose_psql import ComposeDatabase
from grading.database.connecting import choose_address, connect
from grading.database.driver import NoWayInError
from grading.errors import DatabaseUnavailableError
from grading.options import parse_options

URL = "postgresql://somebody:secret@elsewhere:6543/theirs"


def address(flags: str = "", **environment: str) -> tuple[str, int, str, str, str, str]:
    found = choose_address(parse_options(flags.split()), environment)
    return found.host, found.port, found.user, found.name, found.password, found.url


def test_nothing_said_means_the_guides_defaults() -> None:
    assert address() == ("localhost", 5432, "agent", "agent_system", "agent", "")


def test_the_environment_goes_before_the_defaults() -> None:
    environment = {
        "PGHOST": "h", "PGPORT": "1", "PGUSER": "u", "PGDATABASE": "d", "PGPASSWORD": "p",
    }  # fmt: skip
    assert address(**environment) == ("h", 1, "u", "d", "p", "")
    assert address("--db-host=f --db-port=2", **environment)[:3] == ("f", 2, "u")


def test_a_url_counts_where_no_flag_names_a_part() -> None:
    assert address(DATABASE_URL=URL)[5] == URL
    assert address("--db-host=localhost", DATABASE_URL=URL)[5] == ""
    sqlalchemy = URL.replace("postgresql://", "postgresql+asyncpg://")
    assert address(DATABASE_URL=sqlalchemy)[5] == URL


def test_no_password_is_in_a_description() -> None:
    found = choose_address(parse_options(["--db-password=secret"]), {})
    assert "secret" not in found.description + repr(found)
    assert "secret" not in repr(choose_address(parse_options([]), {"DATABASE_URL": URL}))


class Unreachable:
    def __init__(self, *_: object) -> None:
        self.description = "nowhere"

    def fetch_text(self, query: str) -> str:
        raise NoWayInError(f"No database answers: {query}.", remedy="Start it.")


class Refusing(Unreachable):
    def fetch_text(self, query: str) -> str:
        raise DatabaseUnavailableError(f"refuses us: {query}.", remedy="Another password.")


class Answering(Unreachable):
    def __init__(self, **_: object) -> None:
        super().__init__()

    def fetch_text(self, query: str) -> str:
        return query


def missing_driver(_: object) -> None:
    raise NoWayInError("The database's driver, asyncpg, isn't installed.", remedy="")


@pytest.mark.parametrize("driver", [Unreachable, missing_driver])
def test_compose_is_tried_where_nothing_listens_or_no_driver_is_there(
    monkeypatch: pytest.MonkeyPatch, driver: object
) -> None:
    monkeypatch.setattr(connecting, "DriverDatabase", driver)
    monkeypatch.setattr(connecting, "ComposeDatabase", Answering)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/docker")
    assert isinstance(connect(parse_options([]), {}), Answering)


@pytest.mark.parametrize(
    ("driver", "complaint"),
    [(Unreachable, "No database answers"), (missing_driver, "asyncpg, isn't installed")],
)
@pytest.mark.parametrize("has_docker", [True, False])
def test_where_compose_does_not_help_the_first_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, driver: object, complaint: str, has_docker: bool
) -> None:
    monkeypatch.setattr(connecting, "DriverDatabase", driver)
    monkeypatch.setattr(connecting, "ComposeDatabase", lambda **_: Refusing())
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/docker" if has_docker else None)
    with pytest.raises(DatabaseUnavailableError, match=complaint):
        connect(parse_options([]), {})


def test_a_server_that_refuses_us_is_not_gone_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "DriverDatabase", Refusing)
    monkeypatch.setattr(connecting, "ComposeDatabase", Answering)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/docker")
    with pytest.raises(DatabaseUnavailableError, match="refuses us"):
        connect(parse_options([]), {})


def test_compose_is_told_the_user_and_the_name() -> None:
    described = ComposeDatabase(user="u", name="d").description
    assert described == "docker compose exec postgres psql -U u -d d"
