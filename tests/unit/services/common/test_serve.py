"""How a service starts: what it is given, and what it says when it can't."""

import socket
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from services.common import web
from services.common.config import Settings
from services.common.llm.factory import ModelSettingError
from services.common.web import serve


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What uvicorn was asked to run; nothing listens, and the tests' logging stays."""
    asked: list[dict[str, Any]] = []

    class Server:
        started = True

        def __init__(self, config: uvicorn.Config) -> None:
            self.config = config

        def run(self, sockets: list[socket.socket] | None) -> None:
            asked.append(
                {"host": self.config.host, "port": self.config.port, "sockets": sockets}
                | {"timeout_keep_alive": self.config.timeout_keep_alive}
            )

    monkeypatch.setattr(web.uvicorn, "Server", Server)
    monkeypatch.setattr(web, "configure_logging", lambda service, level: None)
    return asked


def test_a_service_listens_where_its_settings_say(
    monkeypatch: pytest.MonkeyPatch, runs: list[dict[str, Any]]
) -> None:
    monkeypatch.setenv("WORKER_PORT", "9001")
    monkeypatch.setenv("BIND_HOST", "0.0.0.0")
    serve("worker", lambda settings: FastAPI(), port="worker_port")

    [options] = runs
    assert (options["host"], options["port"]) == ("0.0.0.0", 9001)
    assert options["timeout_keep_alive"] > 30


def test_by_default_only_this_machine_is_listened_to(runs: list[dict[str, Any]]) -> None:
    serve("manager", lambda settings: FastAPI(), port="manager_port")

    assert (runs[0]["host"], runs[0]["port"]) == ("127.0.0.1", 8000)
    assert runs[0]["sockets"] is None


def test_a_socket_that_was_opened_for_the_service_is_served_on(
    monkeypatch: pytest.MonkeyPatch, runs: list[dict[str, Any]]
) -> None:
    opened = socket.socket()
    asked: list[tuple[int, int]] = []

    def take(*, count: int, process_id: int) -> list[socket.socket]:
        asked.append((count, process_id))
        return [opened]

    monkeypatch.setattr(web, "inherited_sockets", take)
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", "4242")
    with opened:
        serve("manager", lambda settings: FastAPI(), port="manager_port")
        assert asked == [(1, 4242)]
        assert runs[0]["sockets"] == [opened]


def test_a_server_that_could_not_start_ends_the_service_with_a_failure(
    monkeypatch: pytest.MonkeyPatch, runs: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(web.uvicorn.Server, "started", False)
    with pytest.raises(SystemExit) as exit_:
        serve("manager", lambda settings: FastAPI(), port="manager_port")
    assert exit_.value.code == 3
    assert len(runs) == 1


def test_a_wrong_setting_ends_the_start_with_its_name_and_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    runs: list[dict[str, Any]],
) -> None:
    monkeypatch.setenv("WORKER_PORT", "sk-in-the-wrong-place")
    with pytest.raises(SystemExit) as exit_:
        serve("worker", lambda settings: FastAPI(), port="worker_port")

    assert exit_.value.code == 2
    said = capsys.readouterr().err
    assert "WORKER_PORT" in said
    assert "sk-in-the-wrong-place" not in said
    assert "Traceback" not in said
    assert runs == []


def test_a_model_that_can_not_be_made_ends_the_start_with_what_to_do(
    log_entries: list[dict[str, Any]], runs: list[dict[str, Any]]
) -> None:
    def create(settings: Settings) -> FastAPI:
        raise ModelSettingError("Put the key into .env.")

    with pytest.raises(SystemExit) as exit_:
        serve("worker", create, port="worker_port")

    assert exit_.value.code == 2
    [entry] = log_entries
    assert entry["event"] == "service_not_started"
    assert entry["message"] == "Put the key into .env."
    assert runs == []
