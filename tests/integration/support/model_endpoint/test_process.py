"""The endpoint as a process: starts, serves, stops on SIGTERM."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

TESTS = Path(__file__).parents[3]


def test_it_serves_until_sigterm() -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "support.model_endpoint.endpoint"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
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
