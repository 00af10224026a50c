"""`selfheal optimize` over a process that stands in for the Optimizer."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from selfheal.cli.main import app
from selfheal.optimizer_run import OptimizerRun

STUB = """
import json, os, signal, sys, threading

def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)

stopped = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopped.set())
say("started", pid=os.getpid(), flags=sys.argv[1:], by=os.environ["OPTIMIZER_TRIGGERED_BY"])
for _ in range(int(os.environ.get("DATABASE_IS_DOWN", 0))):
    name = "continuous_run_failed" if "--watch" in sys.argv else "optimization_failed"
    say(name, code="database_unavailable", message="No database.")
if "--watch" in sys.argv and "FAILS" not in os.environ:
    stopped.wait()
    say("ended_in_order")
sys.exit(3 if "FAILS" in os.environ else 0)
"""
PROGRAM = """
import sys, typer
from selfheal import optimizer_run
optimizer_run.OPTIMIZER_COMMAND = (sys.executable, "-c", {stub!r})
from selfheal.cli.optimize import optimize
typer.run(optimize)
"""


def start(tmp_path: Path, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    """The command in a process of its own, since signals are for processes."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    url = "postgresql://agent:x@127.0.0.1:1/agent_system"  # only named, never asked
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(stub=STUB), *arguments],
        cwd=tmp_path,
        env={**kept, "DATABASE_URL": url, "COLUMNS": "200", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watching_ends_in_order_when_it_is_told_to(tmp_path: Path, number: signal.Signals) -> None:
    with start(tmp_path, "--watch", "--json") as command:
        assert command.stdout is not None
        first = json.loads(command.stdout.readline())
        assert (first["flags"], first["by"]) == (["--watch"], "manual")
        command.send_signal(number)
        output, errors = command.communicate(timeout=60)
    assert command.returncode == 0, errors
    assert json.loads(output)["event"] == "ended_in_order"
    assert "Stopped watching" in errors
    assert not psutil.pid_exists(first["pid"])


def test_a_watch_that_ends_by_itself_is_a_failure(tmp_path: Path) -> None:
    with start(tmp_path, "--watch", FAILS="yes") as command:
        _, errors = command.communicate(timeout=60)
    assert command.returncode == 3
    assert "ended by itself" in errors


def test_a_dry_run_is_passed_on(tmp_path: Path) -> None:
    with start(tmp_path, "--dry-run") as command:
        output, errors = command.communicate(timeout=60)
    assert command.returncode == 0, errors
    assert "--dry-run" in output


@pytest.mark.parametrize("flag", ["--watch", "--dry-run", ""])
def test_where_the_database_is_down_it_is_said_once_what_to_do(tmp_path: Path, flag: str) -> None:
    arguments = [flag] if flag else []
    (tmp_path / ".selfheal").mkdir()
    (tmp_path / ".selfheal" / "postgres-password").write_text("x")  # of one that doesn't run
    trouble = {"DATABASE_IS_DOWN": "3", "FAILS": "yes"}
    with start(tmp_path, *arguments, **trouble, DATABASE_URL="") as command:
        _, errors = command.communicate(timeout=60)
    assert command.returncode == 3
    assert errors.count("Start the system with: selfheal up") == 1
    with start(tmp_path, *arguments, **trouble) as command:  # nothing starts a server of one's own
        _, errors = command.communicate(timeout=60)
    assert "Start the system" not in errors


def test_a_dry_run_is_told_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_off(_settings: object, on_event: Callable[..., None], **_: object) -> OptimizerRun:
        on_event({"event": "optimizer_off", "remedy": "x"})
        return OptimizerRun(0)

    monkeypatch.setattr("selfheal.cli.optimize.run_optimizer", run_off)
    done = CliRunner().invoke(app, ["optimize", "--dry-run"])
    assert "OPTIMIZER_MODE is off: a run would do nothing" in done.output


def test_watching_without_doing_anything_makes_no_sense() -> None:
    done = CliRunner().invoke(app, ["optimize", "--watch", "--dry-run"])
    assert done.exit_code == 2
    assert "either --watch or --dry-run" in done.output
