"""Measures containers: image sizes, a warm rebuild, the start, the restart of a killed service.

It needs Docker, and the guide's ports free. A project of its own is started and removed again.

examples:
  python -m benchmarks.containers
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
PROJECT = "selfheal-bench-compose"
VERSION_TAG = "0.1.0"
IMAGES = ("manager", "worker", "evaluator", "optimizer", "console", "selfheal", "local-model")
SERVICES = {"manager": 8000, "worker": 8001, "evaluator": 8002}
TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 0.05
COMMAND_SECONDS = 900.0
messages = Console(stderr=True)
output = Console()


class ContainersError(Exception):
    """Something can't be measured here."""


def compose(*arguments: str, folder: Path = ROOT) -> str:
    """Run Compose in a folder, as the project of this benchmark."""
    return run(("docker", "compose", *arguments), folder)


def run(command: Sequence[str], folder: Path = ROOT) -> str:
    """Run a command and return what it prints.

    Raises:
        ContainersError: If it fails, with the end of what it said.
    """
    environment = {**os.environ, "COMPOSE_PROJECT_NAME": PROJECT, "COMPOSE_DISABLE_ENV_FILE": "1"}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise ContainersError(f"{command[0]} isn't installed") from error
    if done.returncode != 0:
        tail = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise ContainersError(f"{' '.join(command)} failed:\n{tail}")
    return done.stdout


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that a piece of work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure_rebuild() -> float:
    """Measure the seconds of `docker compose build` after a line of a service changed."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "copy"
        ignored = shutil.ignore_patterns(".git", ".venv*", "dist", "reports", ".*_cache")
        shutil.copytree(ROOT, copy, ignore=ignored)
        with (copy / "services" / "worker" / "app" / "main.py").open("a") as file:
            file.write(f"# {time.time()}\n")
        seconds = timed(lambda: compose("build", "--quiet", folder=copy))
    compose("build", "--quiet")
    return seconds


def measure_comeback(service: str) -> float | None:
    """Kill a service's process and return the seconds until it is ready; None where not allowed."""
    if os.geteuid() != 0:
        return None
    container = compose("ps", "--quiet", service).strip()
    first = psutil.Process(json.loads(run(("docker", "inspect", container)))[0]["State"]["Pid"])
    (process,) = first.children()
    port = SERVICES[service]

    def come_back() -> None:
        process.send_signal(signal.SIGKILL)
        wait_until(lambda: not first.is_running())
        wait_until(lambda: is_ready(port))

    return timed(come_back)


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll until something holds.

    Raises:
        ContainersError: If it takes a minute.
    """
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise ContainersError("a service did not come back within a minute")
        time.sleep(POLL_SECONDS)


def is_ready(port: int) -> bool:
    """Tell whether a service says that it is ready."""
    request = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(request)
            return connection.recv(16).split()[1:2] == [b"200"]
    except OSError:
        return False


def measure() -> Table:
    """Measure everything; leave nothing behind."""
    table = Table(title="The containers")
    for column in ("", "measured", "aim"):
        table.add_column(column, justify="right" if column else "left")
    messages.print("building ...")
    compose("--profile=local", "--profile=console", "build", "--quiet")
    for name in IMAGES:
        size = run(
            ("docker", "image", "inspect", "-f", "{{.Size}}", f"selfheal/{name}:{VERSION_TAG}")
        )
        most = 650 if name == "local-model" else 400
        table.add_row(f"image {name}", f"{int(size) / 1e6:.0f} MB", f"< {most} MB")
    messages.print("rebuilding after a change ...")
    table.add_row("warm rebuild", f"{measure_rebuild():.1f} s", "< 20 s")
    messages.print("starting from nothing ...")
    try:
        seconds = timed(lambda: compose("up", "--detach", "--wait"))
        table.add_row("up -d --wait, empty volume", f"{seconds:.1f} s", "< 30 s")
        for service in SERVICES:
            back = measure_comeback(service)
            shown = "needs root" if back is None else f"{back:.1f} s"
            table.add_row(f"comeback of {service}", shown, "< 5 s")
        seconds = timed(lambda: compose("run", "--rm", "optimizer"))
        table.add_row("run --rm optimizer, nothing to do", f"{seconds:.1f} s", "")
    finally:
        compose("down", "--volumes", "--timeout", "5")
    return table


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.containers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()
    try:
        output.print(measure())
    except ContainersError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
