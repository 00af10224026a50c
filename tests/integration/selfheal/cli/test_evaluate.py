"""`selfheal evaluate` with the real sandbox and nothing started."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from selfheal.cli.main import app

RIGHT = "def double(n: int) -> int:\n    '''Twice n.'''\n    return 2 * n\n"
WRONG = "def double(n: int) -> int:\n    '''Twice n.'''\n    return n + 2\n"
REQUEST = "Write double(n). double(4) == 8"


def evaluate(
    directory: Path, *arguments: str, stdin: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run it in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "selfheal.entry", "evaluate", *arguments],
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[4]),
            "LLM_PROVIDER": "simulated",
            "COLUMNS": "160",
        },
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize(
    ("source", "exit_code", "verdict"),
    [
        pytest.param(RIGHT, 0, "passed with", id="right"),
        pytest.param(WRONG, 1, "failed with", id="wrong"),
        pytest.param("", 1, "failed with", id="empty"),
        pytest.param("```python\n" + RIGHT + "```", 0, "passed with", id="in-a-block"),
        pytest.param("raise SystemExit(0)\n" + RIGHT, 1, "failed with", id="ends-itself"),
        pytest.param("import os\nos._exit(0)\n" + RIGHT, 1, "failed with", id="exits-with-0"),
    ],
)
def test_code_is_run_and_judged(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    exit_code: int,
    verdict: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "solution.py").write_text(source)
    done = CliRunner().invoke(app, ["evaluate", "solution.py", "--request", REQUEST])
    assert done.exit_code == exit_code, done.output
    assert done.stdout.startswith(verdict)
    assert [path.name for path in tmp_path.iterdir()] == ["solution.py"]


def test_json_says_what_ran_and_what_came_back(tmp_path: Path) -> None:
    done = evaluate(tmp_path, "-", "-r", REQUEST, "--json", stdin=WRONG)
    assert done.returncode == 1, done.stderr
    parsed = json.loads(done.stdout)
    assert parsed["score"] <= 0.4
    execution = parsed["detail"]["execution"]
    if execution["status"] == "unavailable":
        pytest.skip(f"code isn't run on this machine: {execution['reason']}")
    [example] = [one for one in execution["observations"] if one["kind"] == "example"]
    assert (example["came_back"], example["expected"]) == ("6", "8")
    assert example["verdict"] == "contradicted"


def test_what_the_code_prints_reaches_no_terminal_as_it_is(tmp_path: Path) -> None:
    source = "print('\\x1b[2J\\x1b]0;gone\\x07[bold]shown\\u202e')\n" + RIGHT
    done = evaluate(tmp_path, "-", "-r", REQUEST, stdin=source)
    assert "[bold]shown\\u202e" in done.stdout
    assert not set("\x1b\x07\u202e") & set(done.stdout)


def test_help_tells_the_exit_codes(tmp_path: Path) -> None:
    told = " ".join(evaluate(tmp_path, "--help").stdout.split())
    assert "Exits with 0 if the answer passed, with 1 if it failed, with 2" in told
