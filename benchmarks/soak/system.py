"""The whole system under a soak: its processes, how they are restarted, and what they hold."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.measured_system import spawn, stop, wait_until_ready
from benchmarks.own_ports import take_ports
from benchmarks.soak.plan import MID_HEAL, OPTIMIZER, POSTGRES, RESTART, SIGKILL, SIGTERM
from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.assembly import find_schema
from selfheal.runtime.ports import LOOPBACK
from selfheal.runtime.postgres.server import EmbeddedPostgres
from selfheal.runtime.process_plan import Credentials, plan_processes
from selfheal.runtime.processes.records import ProcessSpec
from services.common.config import Settings

PORTS: Final = ("manager", "worker", "evaluator")
SIGNALS: Final = {
    SIGTERM: signal.SIGTERM,
    SIGKILL: signal.SIGKILL,
    MID_HEAL: signal.SIGKILL,
}
# What hasn't lived so long is at a piece of work, such as running an answer.
SETTLED_SECONDS: Final = 5.0


@dataclass
class SoakSystem:
    """A running system, and how often each part of it was started.

    Attributes:
        directory: Where its processes run and write their logs.
        processes: Of the services and the Optimizer; PostgreSQL's first one too.
        lives: How often each was started.
    """

    directory: Path
    settings: Settings
    postgres: EmbeddedPostgres
    specs: Mapping[str, ProcessSpec]
    processes: dict[str, psutil.Process] = field(default_factory=dict)
    lives: Counter[str] = field(default_factory=Counter)

    @property
    def database_url(self) -> str:
        """URL of the database, with its password."""
        return self.postgres.database_url

    @property
    def spool(self) -> Path:
        """Where the Manager spools."""
        return self.settings.spool_directory

    @property
    def temporary(self) -> Path:
        """The directory for temporary files of the services."""
        return self.directory / "tmp"

    def start(self, name: str) -> None:
        """Start a part, and wait until it serves.

        Raises:
            MeasurementError: If it doesn't.
        """
        self.lives[name] += 1
        if name == POSTGRES:
            self.postgres.start()
            pid = self.postgres.status().pid
            self.processes[name] = psutil.Process(pid)
            return
        spec = self.specs[name]
        log = self.directory / f"{name}-{self.lives[name]}.log"
        environment = spec.child_environment(os.environ) | {"TMPDIR": str(self.temporary)}
        self.processes[name] = process = spawn(spec.command, environment, log)
        if spec.ready_url:
            wait_until_ready(process, spec.ready_url, log)

    def restart(self, name: str, how: str) -> str:
        """End a part and start it again; returns what was wrong with its end, empty if nothing.

        Raises:
            MeasurementError: If it doesn't start.
        """
        if how == RESTART:
            self.postgres.stop()
            problem = ""
        else:
            problem = self._end(name, SIGNALS[how])
        self.start(name)
        return problem

    def _end(self, name: str, number: signal.Signals) -> str:
        process = self.processes[name]
        process.send_signal(number)
        try:
            code = process.wait(self.settings.stop_seconds)
        except psutil.TimeoutExpired:
            stop(process)
            return f"didn't end within {self.settings.stop_seconds:g} s"
        expected = 0 if number == signal.SIGTERM else -number
        return "" if code == expected else f"ended with {code}"

    def end_services(self) -> list[str]:
        """End everything but PostgreSQL, as it should be ended; returns what was wrong."""
        order = [OPTIMIZER, *PORTS]
        problems = {name: self._end(name, signal.SIGTERM) for name in order}
        return [f"{name} {problem}" for name, problem in problems.items() if problem]

    def find_dead(self) -> list[str]:
        """Name the parts that ended by themselves."""
        return [
            name
            for name, process in self.processes.items()
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        ]

    def sample(self) -> dict[str, dict[str, Any]]:
        """Read what each part holds; a part that is gone is left out."""
        found = {}
        for name, process in self.processes.items():
            with suppress(psutil.NoSuchProcess):
                age = round(time.time() - process.create_time(), 1)
                found[name] = {"life": self.lives[name], "age": age, **_read(name, process)}
        return found

    def list_leftovers(self) -> list[str]:
        """List temporary files, and files of the spool that hold something."""
        files = [*self.temporary.rglob("*"), *self.spool.rglob("*")]
        return sorted(
            str(path.relative_to(self.directory))
            for path in files
            if path.is_file() and path.stat().st_size
        )


def _read(name: str, process: psutil.Process) -> dict[str, float]:
    """Read memory of a process and its children; descriptors and threads of those that last.

    Memory is the proportional set size, so that what a zygote shares counts once. Of PostgreSQL it
    is what each process has for itself: shared buffers fill up to their size in any case.
    """
    totals: Counter[str] = Counter()
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            memory = one.memory_full_info()
            totals["bytes"] += memory.uss if name == POSTGRES else memory.pss
            if one == process or time.time() - one.create_time() >= SETTLED_SECONDS:
                totals["descriptors"] += one.num_fds()
                totals["threads"] += one.num_threads()
    return {
        "memory_mb": round(totals["bytes"] / 1e6, 3),
        "descriptors": totals["descriptors"],
        "threads": totals["threads"],
    }


@contextmanager
def run_system(directory: Path, *, most_heals: int) -> Iterator[SoakSystem]:
    """Run PostgreSQL (durable, as in earnest), the services and the Optimizer's continuous mode.

    Args:
        directory: An empty directory.
        most_heals: OPTIMIZER_MAX_HEALS_PER_DAY, where the default is too low for the plan. All
            else is as by default, with the simulated model.
    """
    with temporary_postgres(find_schema()) as postgres:
        ports = _free_ports()
        addresses: dict[str, Any] = {f"{name}_port": port for name, port in ports.items()}
        addresses |= {f"{name}_url": f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
        default = Settings.model_fields["optimizer_max_heals_per_day"].default
        settings = Settings(
            _env_file=None,
            database_url=postgres.database_url,
            internal_token="soak",
            llm_provider="simulated",
            selfheal_home=directory,
            task_types_dir=directory / "task_types",
            optimizer_max_heals_per_day=max(default, most_heals),
            console="off",
            **addresses,
        )
        credentials = Credentials(database_url=postgres.database_url, internal_token="soak")
        stages = plan_processes(settings, credentials, autopilot=True)
        specs = {spec.name: spec for stage in stages for spec in stage}
        system = SoakSystem(directory, settings, postgres, specs)
        system.temporary.mkdir()
        try:
            for name in (POSTGRES, *specs):
                system.start(name)
            yield system
        finally:
            for name in specs.keys() & system.processes.keys():
                stop(system.processes[name])


def _free_ports() -> dict[str, int]:
    return dict(zip(PORTS, take_ports(len(PORTS)), strict=True))
