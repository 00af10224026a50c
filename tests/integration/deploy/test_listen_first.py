"""The containers' first program: it listens, and what it becomes serves on that socket."""

import socket
import subprocess
import sys
from pathlib import Path

from selfheal.runtime.ports import find_free_port

LISTEN_FIRST = Path(__file__).parents[3] / "deploy" / "docker" / "listen_first.py"
# Takes its time to load; the request is sent before it is asked to go on.
SERVICE = """
import os, socket, sys
assert os.environ["LISTEN_PID"] == str(os.getpid())
assert os.environ["LISTEN_FDS"] == "1"
print("loading", flush=True)
sys.stdin.readline()
listening = socket.socket(fileno=3)
connection, _ = listening.accept()
connection.recv(4096)
connection.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\nserved")
"""


def test_a_request_that_comes_too_early_waits_for_the_service() -> None:
    port = find_free_port()
    command = [sys.executable, "-I", LISTEN_FIRST, str(port), sys.executable, "-c", SERVICE]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "loading\n"
        with socket.create_connection(("127.0.0.1", port), 10) as early:
            early.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            process.stdin.write("go on\n")
            process.stdin.flush()
            assert early.makefile("rb").read().endswith(b"served")
    assert process.returncode == 0
