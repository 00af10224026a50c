"""The endpoint as a process: starts, serves, stops on SIGTERM."""

import signal
import subprocess
import sys
import urllib.request

import pytest

MODULE = "services.common.llm.simulated.endpoint"


def test_it_serves_until_sigterm() -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", MODULE, "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.split("Running on ")[1].split()[0]
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{url}/health", timeout=5) as response:
            assert response.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "arguments",
    [["--port", "70000"], ["--fault-rate", "2"], ["--fault", "x"], ["--latency-ms", "-1"]],
)
def test_bad_arguments_are_a_usage_error(arguments: list[str]) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", MODULE, *arguments], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 2
    assert "usage:" in finished.stderr


def test_help_shows_an_example() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", MODULE, "--help"], capture_output=True, text=True, check=True
    )
    assert "example:" in finished.stdout
