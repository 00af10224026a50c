"""The probe of an Evaluator that must have a sandbox, run beside what an Evaluator says."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from support.http_server import JsonHandler, serving

from services.common.config import Settings
from services.evaluator.app.main import create_evaluator

from .conftest import COMBINATIONS, find_pod, render_documents

PLACE = "localhost:8002"


def ask_evaluator(home: Path, sandbox: str) -> Any:
    """What an Evaluator's /health/ready says with a sandbox of that name."""
    settings = Settings(_env_file=None, selfheal_home=home, sandbox=sandbox)  # type: ignore[call-arg]
    with TestClient(create_evaluator(settings)) as client:
        answer = client.get("/health/ready")
    assert answer.status_code == 200
    return answer.json()


def probe(url: str) -> tuple[int, str]:
    """Run the rendered command beside an Evaluator elsewhere; gives the code and its last words."""
    pod = find_pod(render_documents(COMBINATIONS["spool"]), "evaluator")
    (container,) = pod["spec"]["containers"]
    python, *options, script = container["readinessProbe"]["exec"]["command"]
    assert (python, options) == ("python", ["-I", "-c"])
    assert script.count(PLACE) == 1
    done = subprocess.run(
        [sys.executable, *options, script.replace(PLACE, url.removeprefix("http://"))],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr.strip().rpartition("\n")[2]


def probe_beside(status: int, said: Any) -> tuple[int, str]:
    class Evaluator(JsonHandler):
        def do_GET(self) -> None:
            known = self.path == "/health/ready"
            self.answer(status if known else 404, json.dumps(said).encode())

    with serving(Evaluator) as url:
        return probe(url)


@pytest.fixture
def with_sandbox(tmp_path: Path) -> Any:
    return ask_evaluator(tmp_path, "auto")


def test_with_a_sandbox_it_is_ready(with_sandbox: Any) -> None:
    assert with_sandbox["sandbox"]["layers"]
    assert probe_beside(200, with_sandbox) == (0, "")


def test_without_one_it_is_not_and_says_why(tmp_path: Path) -> None:
    without = ask_evaluator(tmp_path, "off")
    problem = without["sandbox"]["problem"]
    assert "switched off" in problem
    assert probe_beside(200, without) == (1, problem)


def test_it_is_not_where_the_evaluator_is_not(with_sandbox: Any) -> None:
    code, words = probe_beside(503, with_sandbox | {"status": "not_ready"})
    assert code == 1
    assert "503" in words


def test_it_is_not_where_nothing_answers() -> None:
    code, words = probe("127.0.0.1:9")
    assert code == 1
    assert "refused" in words
