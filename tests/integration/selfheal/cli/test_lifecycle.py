"""The commands on the real database and the real services, in a directory of their own."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.own_ports import take_port

PROGRAM = """
import typer
from selfheal.cli.lifecycle import down, reset, status, up
app = typer.Typer(pretty_exceptions_enable=False)
for command in (down, reset, status, up):
    app.command()(command)
app()
"""
PORTS = ("POSTGRES_PORT", "MANAGER_PORT", "WORKER_PORT", "EVALUATOR_PORT", "LOCAL_MODEL_PORT")
SERVICES = ["postgres", "worker", "evaluator", "manager"]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def selfheal() -> Iterator[Run]:
    directory = Path(tempfile.mkdtemp(prefix="selfheal test "))
    directory.chmod(0o711)
    environment = {
        "PATH": os.environ["PATH"],
        "LLM_PROVIDER": "simulated",
        "CONSOLE": "off",
        "COLUMNS": "200",
        # What a shell holds for other servers, and for the internet.
        "http_proxy": "http://127.0.0.1:1",
        "PGSSLMODE": "verify-full",
        "PGSSLNEGOTIATION": "direct",
        "PGTARGETSESSIONATTRS": "standby",
        "PGHOST": "192.0.2.1",
        "PGPORT": "1,2",
        **{name: str(take_port()) for name in PORTS},
    }

    def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            cwd=directory,
            env={**environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    yield run
    run("reset", "--yes")
    shutil.rmtree(directory)


def parts_of(selfheal: Run) -> dict[str, dict[str, Any]]:
    parts = json.loads(selfheal("status", "--json").stdout)["parts"]
    return {part["name"]: part for part in parts}


def test_the_way_of_a_system(selfheal: Run) -> None:
    assert selfheal("status").returncode == 3

    assert selfheal("up").returncode == 0
    shown = selfheal("status")
    assert shown.returncode == 0
    assert shown.stdout.count("running") == len(SERVICES)
    assert "Everything ran already" in selfheal("up").stderr

    assert "Stopped manager, evaluator, worker, postgres." in selfheal("down").stderr
    assert {part["state"] for part in parts_of(selfheal).values()} == {"stopped"}
    assert "Nothing was running" in selfheal("down").stderr


def test_what_a_failed_start_leaves_running_is_told(selfheal: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        failed = selfheal("up", MANAGER_PORT=port)
    assert failed.returncode == 1
    assert "put MANAGER_PORT=<port> into .env" in failed.stderr
    assert "Running: postgres, worker, evaluator. selfheal down stops that." in failed.stderr
    assert "Stopped evaluator, worker, postgres." in selfheal("down").stderr


def test_reset_asks_first(selfheal: Run) -> None:
    refused = selfheal("reset")
    assert refused.returncode == 1
    assert "Delete the data" in refused.stdout + refused.stderr


def test_a_wrong_setting_is_one_friendly_line(selfheal: Run) -> None:
    wrong = selfheal("up", MANAGER_PORT="eighty")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: MANAGER_PORT:")
    assert "Traceback" not in wrong.stderr


def test_a_database_of_the_operators_own_is_only_looked_at(selfheal: Run) -> None:
    nobody = f"postgresql://agent:s3cr3t@127.0.0.1:{take_port()}/agent_system"
    up = selfheal("up", DATABASE_URL=nobody)
    assert up.returncode == 1
    assert "Can't connect to the database at 127.0.0.1:" in up.stderr
    assert "s3cr3t" not in up.stderr + up.stdout
