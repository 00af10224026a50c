"""Grades our own system with the workshop's benchmark, on ports and data of its own.

It starts PostgreSQL, the three services and the simulated model, then runs scripts/benchmark.py
against them as somebody outside would, and takes everything down again.

examples:
  python -m benchmarks.graded_system
  python -m benchmarks.graded_system --sandbox off
  python -m benchmarks.graded_system --lang ko --seed 3 --cycles 4

Whatever other flags there are go to the benchmark, whose own --help has them.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.measured_system import MeasurementError, spawn, stop, wait_until_ready
from benchmarks.own_ports import take_ports
from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.assembly import find_schema
from selfheal.runtime.errors import EmbeddedRuntimeError
from selfheal.runtime.process_plan import (
    OPTIMIZER_COMMAND,
    Credentials,
    optimizer_environment,
    plan_processes,
)
from services.common.config import Settings

ROOT = Path(__file__).parents[1]
BENCHMARK = ROOT / "scripts" / "benchmark.py"
OUTPUT = ROOT / "reports" / "benchmark"
SANDBOXES = ("auto", "jail", "wasm", "off")


@dataclass(frozen=True)
class GradedSystem:
    """A running system, as somebody outside is told of it.

    Attributes:
        flags: Where the benchmark finds it.
        environment: What the Optimizer's command needs; it holds secrets.
    """

    flags: tuple[str, ...]
    environment: dict[str, str]


@contextmanager
def run_graded_system(directory: Path, *, sandbox: str = "auto") -> Iterator[GradedSystem]:
    """Run the system on free ports, until the block ends.

    Args:
        directory: An empty directory, for logs and what the Evaluator keeps.
        sandbox: The setting of that name.
    """
    with ExitStack() as stack:
        postgres = stack.enter_context(temporary_postgres(find_schema()))
        settings = _configure(directory, sandbox)
        credentials = Credentials(postgres.database_url, internal_token="benchmark")
        for stage in plan_processes(settings, credentials):
            started = []
            for spec in stage:
                log = directory / f"{spec.name}.log"
                environment = spec.child_environment(os.environ)
                process = spawn(spec.command, environment, log)
                stack.callback(stop, process)
                started.append((process, spec.ready_url, log))
            for process, url, log in started:
                wait_until_ready(process, url, log)
        database = urlsplit(postgres.database_url)
        variables = optimizer_environment(settings, credentials)
        yield GradedSystem(
            flags=(
                *("--manager-url", settings.manager_url),
                *("--worker-url", settings.worker_url),
                *("--evaluator-url", settings.evaluator_url),
                *("--db-host", str(database.hostname), "--db-port", str(database.port)),
                *("--db-user", str(database.username), "--db-name", database.path.lstrip("/")),
                *("--optimizer-command", shlex.join(OPTIMIZER_COMMAND)),
            ),
            environment={**os.environ, **variables, "PGPASSWORD": str(database.password)},
        )


def _configure(directory: Path, sandbox: str) -> Settings:
    manager, worker, evaluator = take_ports(3)
    return Settings.model_validate(
        {
            "manager_port": manager,
            "worker_port": worker,
            "evaluator_port": evaluator,
            "manager_url": f"http://127.0.0.1:{manager}",
            "worker_url": f"http://127.0.0.1:{worker}",
            "evaluator_url": f"http://127.0.0.1:{evaluator}",
            "llm_provider": "simulated",
            "llm_model": "",
            "judge_model": "",
            "optimizer_model": "",
            "sandbox": sandbox,
            "console": "off",
            "selfheal_home": directory,
        }
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code is the benchmark's own."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.graded_system",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sandbox", choices=SANDBOXES, default="auto")
    options, flags = parser.parse_known_args(arguments)
    sys.stderr.write("grading a copy of this system, with ports and a database of its own\n")
    with tempfile.TemporaryDirectory(prefix="selfheal-graded-") as directory:
        try:
            with run_graded_system(Path(directory), sandbox=options.sandbox) as system:
                command = (
                    *(sys.executable, str(BENCHMARK), *system.flags),
                    *("--output-dir", str(OUTPUT), *flags),
                )
                return subprocess.run(
                    command, env=system.environment, cwd=directory, check=False
                ).returncode
        except (EmbeddedRuntimeError, MeasurementError) as error:
            sys.stderr.write(f"error: {error}\n")
            return 1


if __name__ == "__main__":
    sys.exit(main())
