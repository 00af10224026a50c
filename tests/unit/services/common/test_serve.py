"""How a service starts: what it is given, and what it says when it can't."""

import resource
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from services.common import web
from services.common.config import ManagerSettings, Settings, WorkerSettings
from services.common.llm.factory import ModelSettingError
from services.common.web import allow_open_files, serve


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What uvicorn was asked to run; nothing listens, and the tests' logging stays."""
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(web.uvicorn, "Config", lambda app, **options: options)
    monkeypatch.setattr(
        web.draining, "run", lambda app, config, **more: asked.append(config | more)
    )
    monkeypatch.setattr(web, "configure_logging", lambda service, level: None)
    return asked


def test_a_service_listens_where_its_settings_say(
    monkeypatch: pytest.MonkeyPatch, runs: list[dict[str, Any]]
) -> None:
    monkeypatch.setenv("WORKER_PORT", "9001")
    monkeypatch.setenv("BIND_HOST", "0.0.0.0")
    serve("worker", WorkerSettings, lambda settings: FastAPI())

    [options] = runs
    assert (options["host"], options["port"]) == ("0.0.0.0", 9001)
    assert options["timeout_keep_alive"] > 30


def test_by_default_only_this_machine_is_listened_to(runs: list[dict[str, Any]]) -> None:
    serve("manager", ManagerSettings, lambda settings: FastAPI())

    assert (runs[0]["host"], runs[0]["port"]) == ("127.0.0.1", 8000)


def test_a_wrong_setting_ends_the_start_with_its_name_and_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    runs: list[dict[str, Any]],
) -> None:
    monkeypatch.setenv("WORKER_PORT", "sk-in-the-wrong-place")
    with pytest.raises(SystemExit) as exit_:
        serve("worker", WorkerSettings, lambda settings: FastAPI())

    assert exit_.value.code == 2
    said = capsys.readouterr().err
    assert "WORKER_PORT" in said
    assert "sk-in-the-wrong-place" not in said
    assert "Traceback" not in said
    assert runs == []


def test_a_model_that_can_not_be_made_ends_the_start_with_what_to_do(
    log_entries: list[dict[str, Any]], runs: list[dict[str, Any]]
) -> None:
    def create(settings: WorkerSettings) -> FastAPI:
        raise ModelSettingError("Put the key into .env.")

    with pytest.raises(SystemExit) as exit_:
        serve("worker", WorkerSettings, create)

    assert exit_.value.code == 2
    [entry] = log_entries
    assert entry["event"] == "service_not_started"
    assert entry["message"] == "Put the key into .env."
    assert runs == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1024, 524_288), (4096, 524_288)),
        ((1024, 2048), (2048, 2048)),
        ((1024, resource.RLIM_INFINITY), (4096, resource.RLIM_INFINITY)),
        ((20_000, 20_000), None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), None),
    ],
)
def test_a_process_may_have_as_many_connections_as_five_hundred_streams_take(
    before: tuple[int, int], after: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = [before]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: limits.append(wanted))

    allow_open_files()

    assert limits[1:] == ([after] if after else [])
