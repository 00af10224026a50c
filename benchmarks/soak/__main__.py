"""Soaks a whole system: steady traffic, bad deploys, restarts; does it stay as it is?

Embedded PostgreSQL, Manager, Worker, Evaluator and the Optimizer's continuous mode are started in a
temporary directory, with the simulated model and else as by default. Ctrl-C ends a soak early, and
tells what was measured until then. Exit code 1 where an aim is missed.

examples:
  python -m benchmarks.soak --hours 2 --json soak.json
  python -m benchmarks.soak --hours 0.25 --deploy-minutes 3 --restart-minutes 1.5
  python -m benchmarks.soak --read soak.json
"""

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.measured_system import MeasurementError
from benchmarks.run_description import describe_run
from benchmarks.soak.checks import Verdict, fit_slopes, judge, thin_samples
from benchmarks.soak.report import show
from benchmarks.soak.run import Options, run_soak
from benchmarks.soak.system import run_system
from selfheal.runtime.errors import EmbeddedRuntimeError

FILE_WIDTH = 120
messages = Console(stderr=True)


def main() -> int:
    """Soak from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--hours", type=float, default=2, help="default 2")
    parser.add_argument("--rate", type=float, default=3, help="requests a second; default 3")
    parser.add_argument("--deploy-minutes", type=float, default=10, help="default 10")
    parser.add_argument("--restart-minutes", type=float, default=5, help="default 5")
    parser.add_argument(
        "--warm-up-minutes", type=float, default=3, help="of each process; default 3"
    )
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--read", type=Path, help="show the results in this file, and no more")
    chosen = parser.parse_args()
    if chosen.read:
        return _show_file(parser, chosen.read)
    minutes = (chosen.deploy_minutes, chosen.restart_minutes)
    if min(chosen.hours, chosen.rate, *minutes) <= 0 or chosen.warm_up_minutes < 0:
        parser.error("hours, the rate and minutes must be over 0")
    options = Options(
        seconds=chosen.hours * 3600,
        rate=chosen.rate,
        deploy_every=chosen.deploy_minutes * 60,
        restart_every=chosen.restart_minutes * 60,
        warm_up=chosen.warm_up_minutes * 60,
    )
    try:
        results = measure(options)
    except (MeasurementError, EmbeddedRuntimeError) as error:
        messages.print(f"error: {error}", markup=False)
        return 1
    except KeyboardInterrupt:
        messages.print("ended before anything was counted")
        return 1
    if chosen.json:
        chosen.json.write_text(json.dumps(thin_samples(results)) + "\n", encoding="utf-8")
    show(results, _output())
    return _exit_code(results)


def measure(options: Options) -> dict[str, Any]:
    """Run a soak, and hold it against the aims."""

    def tell(message: str) -> None:
        messages.print(message, markup=False, highlight=False)

    told = {"command": " ".join(["python -m benchmarks.soak", *sys.argv[1:]]), **describe_run()}
    with tempfile.TemporaryDirectory(prefix="selfheal-soak-") as directory:
        tell("starting the system")
        most_heals = 2 * int(options.seconds / options.deploy_every)
        with run_system(Path(directory), most_heals=most_heals) as system:
            measured = asyncio.run(run_soak(system, options, tell))
    measured["slopes"] = fit_slopes(measured)
    return told | measured | {"checks": [asdict(check) for check in judge(measured)]}


def _show_file(parser: argparse.ArgumentParser, file: Path) -> int:
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        parser.error(f"{file} can't be read: {error}")
    try:
        show(results, _output())
        return _exit_code(results)
    except (KeyError, TypeError):
        parser.error(f"{file} holds no results of this version's soak: write some with --json")


def _output() -> Console:
    """Return where results go; a file gets wide lines, so that tables stay whole."""
    return Console(width=None if sys.stdout.isatty() else FILE_WIDTH)


def _exit_code(results: dict[str, Any]) -> int:
    return int(any(check["verdict"] == Verdict.MISSED for check in results["checks"]))


if __name__ == "__main__":
    sys.exit(main())
