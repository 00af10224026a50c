"""A system in containers for tests: the real Compose, in a project of its own."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROJECT = "selfheal-test-compose"
PUBLISHED_PORTS = (5432, 8000, 8001, 8002, 8003)
COMMAND_SECONDS = 900
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT")
PROFILES = ("autopilot", "console", "local", "monitoring", "tools")
LABEL = f"label=com.docker.compose.project={PROJECT}"
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Containers:
    """Runs Compose and Docker; nothing of the tester's settings or `.env` reaches them."""

    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        own = {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "COMPOSE_DISABLE_ENV_FILE": "1",
            "CANARY_STEPS": "1",
        }
        return kept | own | dict(self.variables)

    def having(self, **variables: str) -> "Containers":
        """Return the same containers with more settings, as lines of `.env` would add them."""
        return Containers({**self.variables, **variables})

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script as somebody types it into a terminal in the repository."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def compose(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self._run("docker", "compose", *arguments, check=check)

    def docker(self, *arguments: str) -> str:
        return self._run("docker", *arguments).stdout.strip()

    def up(self, *arguments: str) -> None:
        self.compose("up", "--detach", "--wait", *arguments)

    def remove(self) -> None:
        profiles = [f"--profile={name}" for name in PROFILES]
        self.compose(*profiles, "down", "--volumes", "--remove-orphans", "--timeout", "5")

    def container(self, service: str) -> str:
        return self.compose("ps", "--quiet", service).stdout.strip()

    def inspect(self, service: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", self.container(service)))
        return found[0]

    def host_process_id(self, service: str) -> int:
        """Find the id on the host of a container's first process (its init, where it has one)."""
        return int(self.inspect(service)["State"]["Pid"])

    def execute(
        self, service: str, *command: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return self.compose("exec", "-T", service, *command, check=check)

    def python(self, service: str, program: str) -> str:
        """Run Python inside a service's container, with the rights that the service has."""
        return self.execute(service, "python", "-c", program).stdout.strip()

    def psql(self, sql: str) -> str:
        psql = ("psql", "-U", "agent", "-d", "agent_system", "-qAt", "-v", "ON_ERROR_STOP=1")
        return self.execute("postgres", *psql, "-c", sql).stdout.strip()

    def leftovers(self) -> dict[str, list[str]]:
        """List what Docker still has of the project."""
        listings = {
            "containers": ("ps", "--all", "--quiet"),
            "volumes": ("volume", "ls", "--quiet"),
            "networks": ("network", "ls", "--quiet"),
        }
        return {
            kind: self.docker(*command, "--filter", LABEL).split()
            for kind, command in listings.items()
        }

    def _run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
        return done


def why_docker_is_missing() -> str | None:
    """Say why containers can't be run here; None where they can."""
    for command, what in (
        (("docker", "version"), "no Docker engine answers"),
        (("docker", "compose", "version"), "Docker has no Compose plugin"),
    ):
        try:
            done = subprocess.run(command, capture_output=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return what
        if done.returncode != 0:
            return what
    return None


def taken_ports() -> list[int]:
    """List the ports of the guide that are held by something else."""
    return [port for port in PUBLISHED_PORTS if not _is_free(port)]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def poll_until(condition: Callable[[], bool], *, seconds: float = 60) -> bool:
    """Poll until a condition is true, and tell whether it was in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def fetch(port: int, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Fetch status and JSON of an HTTP answer; 0 and None where there is none."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", data=content, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except OSError:
        return 0, None


def ask(text: str = "Write a binary search function") -> tuple[int, Any]:
    """Send a request to the Manager, as the guide does."""
    return fetch(8000, "/api/v1/request", {"user_input": text, "task_type": "code_generation"})


def is_ready(port: int) -> bool:
    return fetch(port, "/health/ready")[0] == 200
