"""Services of a running system as processes that a test ends, starts and multiplies."""

import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from support.running_system import RunningSystem

STOP_SECONDS = 30


@dataclass
class Service:
    """A service as a process, run anew whenever it is asked for."""

    name: str
    command: list[str]
    environment: dict[str, str]
    directory: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self, extra: Mapping[str, str] | None = None) -> None:
        with (self.directory / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**self.environment, **(extra or {})},
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def send(self, number: int) -> None:
        """Send a signal, where it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it, and wait until it is gone."""
        if self.process is None:
            return
        self.send(number)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def copy(self, number: int, port: int) -> "Service":
        """Make another one beside it, with a port and a directory of its own."""
        home = self.directory / f"{self.name}-{number}"
        home.mkdir(exist_ok=True)
        own = {f"{self.name.upper()}_PORT": str(port), "SELFHEAL_HOME": str(home)}
        name = f"{self.name}-{number}"
        environment = self.environment | own
        return replace(self, name=name, environment=environment, process=None)


def find_service(system: RunningSystem, name: str) -> tuple[Service, psutil.Process]:
    """Find how a service that the command line started is run, and its process."""
    process = psutil.Process(system.states()[name]["pid"])
    found = Service(name, process.cmdline(), process.environ(), system.directory)
    return found, process
