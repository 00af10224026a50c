"""The benchmark as the guide has it run: against the containers, from the host."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.containers import ROOT, Containers

LEAST = 98
# As the guide prints it.
FLAGS = (
    *("--manager-url", "http://localhost:8000", "--worker-url", "http://localhost:8001"),
    *("--evaluator-url", "http://localhost:8002", "--db-host", "localhost", "--db-port", "5432"),
    *("--cycles", "2", "--requests", "5"),
)


@pytest.mark.parametrize("interpreter_flags", [(), ("-S",)], ids=["driver", "through compose"])
def test_our_own_system_gets_an_a(
    containers: Containers, tmp_path: Path, interpreter_flags: tuple[str, ...]
) -> None:
    containers.up()
    command = (sys.executable, *interpreter_flags, "scripts/benchmark.py", *FLAGS)
    done = subprocess.run(
        (*command, "--output-dir", tmp_path, "--json"),
        cwd=ROOT,
        env=containers.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    lost = [one for each in report["dimensions"] for one in each["deductions"]]
    assert (report["grade"], report["score"] >= LEAST) == ("A", True), lost
    through_compose = report["target"]["database"].startswith("docker compose exec")
    assert through_compose is bool(interpreter_flags)
