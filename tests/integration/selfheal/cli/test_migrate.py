"""What a pod's init containers do, as the service's own database user."""

from pathlib import Path
from typing import Any

import pytest

from selfheal.runtime.postgres.server import EmbeddedPostgres
from selfheal.runtime.schema.roles import SERVICES
from services.common.access.keys import generate_key


@pytest.mark.parametrize("service", SERVICES)
def test_any_services_user_sees_whether_the_schema_is_there(
    operator: Any,
    database_server: EmbeddedPostgres,
    monkeypatch: pytest.MonkeyPatch,
    service: str,
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_server.service_urls[service])
    done = operator.selfheal("migrate", "--wait", "0")
    assert (done.exit_code, done.stderr) == (0, "The schema is current.\n"), done.output


def test_the_manager_itself_takes_the_first_key(
    operator: Any,
    database_server: EmbeddedPostgres,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    file = tmp_path / "key"
    file.write_text(generate_key().text, encoding="utf-8")
    with monkeypatch.context() as as_manager:
        as_manager.setenv("DATABASE_URL", database_server.service_urls["manager"])
        done = operator.selfheal("keys", "create", "first", "-s", "serve", "--from-file", str(file))
        assert done.exit_code == 0, done.output
    assert [key["state"] for key in operator.json("keys", "list")] == ["valid"]
