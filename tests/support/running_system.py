"""A system for end-to-end tests: the real command line, real services, ports of its own."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.own_ports import take_ports
from selfheal.runtime.postgres.binaries import find_binaries
from selfheal.runtime.postgres.server import EmbeddedPostgres

GUIDE_INJECTION = """
  UPDATE prompts SET is_active = FALSE WHERE task_type = 'code_generation';
  INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by)
  VALUES ('code_generation', 'just say hello world to everything', 99, TRUE, 'demo: bad prompt', 'mentor');
"""  # noqa: E501 - as the guide prints it
PORTS = (
    "MANAGER_PORT",
    "WORKER_PORT",
    "EVALUATOR_PORT",
    "CONSOLE_PORT",
    "POSTGRES_PORT",
    "LOCAL_MODEL_PORT",
)
COMMAND_SECONDS = 90
SCHEMA = Path(__file__).parents[2] / "db" / "schema.sql"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, headers and body."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.text)
        return parsed


@dataclass(frozen=True)
class RunningSystem:
    """A system that was started for tests: its command line, its ports, its directory.

    Attributes:
        fronts: Ports of what stands before several of a service, by service.
    """

    directory: Path
    environment: dict[str, str]
    fronts: dict[str, int] = field(default_factory=dict)

    def port(self, service: str) -> int:
        return self.fronts.get(service) or int(self.environment[f"{service.upper()}_PORT"])

    def selfheal(
        self, *arguments: str, check: bool = True, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line as a user would."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "selfheal.entry", *arguments],
            cwd=self.directory,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    @property
    def database(self) -> EmbeddedPostgres:
        """The system's database, to be reached without the command line."""
        home = self.directory / ".selfheal"
        return EmbeddedPostgres(home, port=self.port("postgres"), schema=SCHEMA)

    def psql(self, sql: str) -> str:
        """Run SQL in psql, as `selfheal psql` does; unaligned rows come back."""
        done = subprocess.run(
            [find_binaries().program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql],
            env={"PATH": os.defpath, **self.database.client_variables},
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def get(self, service: str, path: str) -> Answer:
        return self._send(service, path, None, {})

    def post(
        self, service: str, path: str, body: object, headers: dict[str, str] | None = None
    ) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._send(
            service, path, content, {"Content-Type": "application/json", **(headers or {})}
        )

    def request(self, text: str, task_type: str = "code_generation") -> Answer:
        body = {"user_input": text, "task_type": task_type}
        return self.post("manager", "/api/v1/request", body)

    def metric(self, service: str, series: str) -> float | None:
        """Read the value of a series; None where there is no such series."""
        text = self.get(service, "/metrics/").text
        found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.M)
        return float(found[1]) if found else None

    def states(self) -> dict[str, dict[str, Any]]:
        """Read the state of each part from `selfheal status`."""
        status = json.loads(self.selfheal("status", "--json", check=False).stdout)
        return {part["name"]: part for part in status["parts"]}

    def restore_seed_prompt(self) -> None:
        self.psql(
            "DELETE FROM execution_logs; DELETE FROM optimization_reports; "
            "DELETE FROM prompts WHERE version <> 1; UPDATE prompts SET is_active = TRUE"
        )

    def _send(
        self, service: str, path: str, content: bytes | None, headers: dict[str, str]
    ) -> Answer:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port(service)}{path}", data=content, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return Answer(response.status, dict(response.headers), response.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read().decode())


def make_system(directory: Path) -> RunningSystem:
    """Make a system on free ports, not yet started; none of the tester's settings reach it."""
    ports = dict(zip(PORTS, map(str, take_ports(len(PORTS))), strict=True))
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    # The console takes 70 MB, and few tests look at it; few send the traffic that a canary takes.
    own = {"LLM_PROVIDER": "simulated", "COLUMNS": "200", "CONSOLE": "off", "CANARY_STEPS": "1"}
    return RunningSystem(directory, kept | ports | own)
