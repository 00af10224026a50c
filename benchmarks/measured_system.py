"""The whole system in processes of its own, started to be measured and gone afterwards."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.instant_endpoint import CODER, JUDGE
from benchmarks.own_ports import take_port, take_ports
from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.assembly import find_schema
from selfheal.runtime.process_plan import (
    OPTIMIZER_COMMAND,
    Credentials,
    optimizer_environment,
    plan_processes,
)
from selfheal.runtime.processes.readiness import find_obstacle
from selfheal.runtime.processes.records import ProcessSpec
from selfheal.runtime.waiting import wait_until
from services.common.config import Settings
from services.common.database import connect

SERVICES = ("manager", "worker", "evaluator")
ENDPOINT = "endpoint"
POSTGRES = "postgres"
START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 20.0
LOG_TAIL_CHARACTERS = 2000


class MeasurementError(Exception):
    """Something didn't run as it must for a figure to mean anything."""


@dataclass(frozen=True, slots=True)
class Start:
    """Time that a program took until it could serve, or until it had ended.

    Attributes:
        seconds: By the clock.
        cpu_seconds: Of CPU, in the same time.
    """

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class MeasuredSystem:
    """The running system that is measured, and where its processes are.

    Attributes:
        specs: How each service is run.
        processes: Each service, the endpoint, and PostgreSQL's first process.
        settings: What it is configured with.
        credentials: What lets its parts in to one another.
        directory: Where the programs run and write their logs.
    """

    specs: Mapping[str, ProcessSpec]
    processes: dict[str, psutil.Process]
    settings: Settings
    credentials: Credentials
    directory: Path

    @property
    def request_url(self) -> str:
        """URL that requests are sent to."""
        return f"{self.settings.manager_url}/api/v1/request"

    def cpu_seconds(self) -> dict[str, float]:
        """Read the CPU that each part has spent since it started, its children included."""
        return {name: read_cpu(process) for name, process in self.processes.items()}

    def memory_mb(self) -> dict[str, float]:
        """Read the resident memory of each service, in units of 10^6 bytes."""
        return {name: self.processes[name].memory_info().rss / 1e6 for name in SERVICES}

    def count_logged_requests(self) -> int:
        """Count the rows of `execution_logs`."""
        return asyncio.run(_count_rows(self.credentials.database_url))

    def start_service(self, name: str) -> Start:
        """Start a service that doesn't run, and wait until it is ready."""
        spec = self.specs[name]
        environment = spec.child_environment(os.environ)
        log = self.directory / f"{name}.log"
        started = time.perf_counter()
        process = spawn(spec.command, environment, log)
        self.processes[name] = process
        wait_until_ready(process, spec.ready_url, log)
        seconds = time.perf_counter() - started
        return Start(seconds, read_cpu(process))

    def stop_service(self, name: str) -> None:
        """Stop a service and wait until it is gone."""
        process = self.processes.pop(name, None)
        if process is not None:
            stop(process)

    def run_optimizer(self) -> Start:
        """Run the Optimizer once; it finds nothing to do."""
        variables = optimizer_environment(self.settings, self.credentials)
        started = time.perf_counter()
        log_file = self.directory / "optimizer.log"
        process = spawn(OPTIMIZER_COMMAND, {**os.environ, **variables}, log_file)
        cpu_seconds = _wait_for_cpu(process)
        seconds = time.perf_counter() - started
        log = log_file.read_text(encoding="utf-8")
        if "no task types need optimization" not in log:
            raise MeasurementError(
                f"the Optimizer found work; its log ends:\n{log[-LOG_TAIL_CHARACTERS:]}"
            )
        return Start(seconds, cpu_seconds)


@contextmanager
def run_measured_system(directory: Path, *endpoint_options: str) -> Iterator[MeasuredSystem]:
    """Run PostgreSQL (durable, as in earnest) and the endpoint; the services start on demand.

    Args:
        directory: An empty directory, for logs. The programs run in it, so that no `.env`
            changes what is measured.
        endpoint_options: How the endpoint is run, where it isn't to answer at once.
    """
    with ExitStack() as stack:
        postgres = stack.enter_context(temporary_postgres(find_schema()))
        endpoint_port = take_port()
        endpoint = start_endpoint(endpoint_port, directory, *endpoint_options)
        stack.callback(stop, endpoint)
        settings = _configure(endpoint_port, directory)
        credentials = Credentials(database_url=postgres.database_url, internal_token="benchmark")
        stages = plan_processes(settings, credentials)
        system = MeasuredSystem(
            specs={spec.name: spec for stage in stages for spec in stage},
            processes={ENDPOINT: endpoint, POSTGRES: psutil.Process(postgres.status().pid)},
            settings=settings,
            credentials=credentials,
            directory=directory,
        )
        for name in SERVICES:
            stack.callback(system.stop_service, name)
        yield system


async def _count_rows(database_url: str) -> int:
    async with connect(database_url, timeout_seconds=START_TIMEOUT_SECONDS) as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM execution_logs")
    return count


def benchmark_environment() -> dict[str, str]:
    """Return our environment, so that programs of `benchmarks` are found from any directory."""
    root = str(Path(__file__).parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{inherited}" if inherited else root}


def start_endpoint(port: int, directory: Path, *options: str) -> psutil.Popen:
    """Start the instant endpoint; its log goes to `directory`."""
    command = (sys.executable, "-m", "benchmarks.instant_endpoint", "--port", str(port), *options)
    log = directory / "endpoint.log"
    endpoint = spawn(command, benchmark_environment(), log)
    wait_until_ready(endpoint, f"http://127.0.0.1:{port}/", log)
    return endpoint


def wait_until_ready(process: psutil.Popen, url: str, log: Path) -> None:
    """Wait until a GET is answered.

    Raises:
        MeasurementError: If the process ends, or takes a minute; it says how the log ends.
    """
    wait_until(
        lambda: process.poll() is not None or not find_obstacle(url),
        timeout_seconds=START_TIMEOUT_SECONDS,
    )
    if process.poll() is not None or find_obstacle(url):
        tail = log.read_text(encoding="utf-8")[-LOG_TAIL_CHARACTERS:]
        raise MeasurementError(f"{log.stem} did not start; its log ends:\n{tail}")


def _configure(endpoint_port: int, directory: Path) -> Settings:
    """Configure the system as with a hosted model that also judges; only addresses differ."""
    manager, worker, evaluator = take_ports(3)
    return Settings(
        _env_file=None,
        manager_port=manager,
        worker_port=worker,
        evaluator_port=evaluator,
        worker_url=f"http://127.0.0.1:{worker}",
        evaluator_url=f"http://127.0.0.1:{evaluator}",
        manager_url=f"http://127.0.0.1:{manager}",
        llm_provider="openai",
        llm_model=CODER,
        llm_base_url=f"http://127.0.0.1:{endpoint_port}/v1",
        llm_api_key="not-a-key",
        judge_model=f"openai:{JUDGE}",
        optimizer_model="rules",
        selfheal_home=directory,
        console="off",
    )


def spawn(command: Sequence[str], environment: Mapping[str, str], log: Path) -> psutil.Popen:
    """Start a process in the directory of its log; Ctrl-C is for us alone, and doesn't reach it."""
    with log.open("wb") as output:
        return psutil.Popen(
            command,
            env=environment,
            cwd=log.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: psutil.Process) -> None:
    """End a process, where it runs, and wait until it is gone."""
    with suppress(psutil.NoSuchProcess):
        process.terminate()
    try:
        process.wait(STOP_TIMEOUT_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for_cpu(process: psutil.Process) -> float:
    """Wait until a child ends, and return the CPU that it spent."""
    before = os.times()
    process.wait(START_TIMEOUT_SECONDS)
    after = os.times()
    return (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )


def read_cpu(process: psutil.Process) -> float:
    """Sum the CPU of a process and its children, at a moment when none of them ends."""
    while True:
        try:
            return _cpu_of_tree(process)
        except psutil.NoSuchProcess:
            if not process.is_running():
                raise


def _cpu_of_tree(process: psutil.Process) -> float:
    """Sum the CPU of a process, of its children that ended, and of those that live."""
    own = process.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    return total + sum(_cpu_of_tree(child) for child in process.children())
