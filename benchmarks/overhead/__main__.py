"""Measures what the system itself costs a request, with a model that answers at once.

A request passes all three services, two models (the Worker's and the judge's) and leaves one
durable row. CPU is measured by process: the three services count, PostgreSQL, the model endpoint
and the load generator are shown apart.

examples:
  python -m benchmarks.overhead
  python -m benchmarks.overhead --rounds 5 --seconds 10
  python -m benchmarks.overhead --json > overhead.json
"""

import argparse
import json
import sys
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from benchmarks.measured_system import ENDPOINT, POSTGRES, SERVICES, MeasurementError
from benchmarks.overhead.figures import Report, judge_aims
from benchmarks.overhead.measurement import GENERATOR, measure
from selfheal.runtime.errors import EmbeddedRuntimeError

messages = Console(stderr=True)


def show(report: Report, output: Console) -> None:
    """Print the report as tables."""
    way = Table(title="The way of a request (medians of the rounds)")
    way.add_column("")
    for connections in report.rounds:
        way.add_column(f"{connections} connection(s)", justify="right")
    rounds = report.rounds.values()
    way.add_row("p50", *(f"{one.p50_ms:.2f} ms" for one in rounds))
    way.add_row("p99", *(f"{one.p99_ms:.2f} ms" for one in rounds))
    way.add_row("requests", *(f"{one.requests_per_second:.0f} /s" for one in rounds))
    for name in (*SERVICES, POSTGRES, ENDPOINT, GENERATOR):
        end = name == SERVICES[-1]
        way.add_row(
            f"CPU, {name}", *(f"{one.cpu_ms[name]:.2f} ms" for one in rounds), end_section=end
        )
    way.add_row(
        "CPU, three services",
        *(f"{one.services_cpu_ms:.2f} ms" for one in rounds),
        end_section=True,
    )
    way.add_row(
        "CPU, a fixed piece of Python", *(f"{one.machine.pace_ms:.1f} ms" for one in rounds)
    )
    way.add_row("cores busy with others", *(f"{one.machine.others_cores:.1f}" for one in rounds))
    output.print(way)

    processes = Table(title="The processes (medians of the starts)")
    for column in ("", "start", "CPU of the start", "memory under load"):
        processes.add_column(column, justify="right" if column else "left")
    for name, start in report.starts.items():
        memory = f"{report.memory_mb[name]:.0f} MB" if name in report.memory_mb else "-"
        processes.add_row(name, f"{start.seconds:.2f} s", f"{start.cpu_seconds:.2f} s", memory)
    output.print(processes)

    aims = Table(title="The aims")
    for column in ("", "measured", "aim", "reached"):
        aims.add_column(column, justify="right" if column else "left")
    for aim in judge_aims(report):
        aims.add_row(
            aim.name,
            f"{aim.measured:.2f} {aim.unit}",
            f"{aim.limit:g} {aim.unit}",
            "[green]yes[/]" if aim.reached else "[red]no[/]",
        )
    output.print(aims)


def main() -> int:
    """Measure from the command line; 0 whether or not the aims are reached."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overhead",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each load (default 3)")
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="length of a round's load (default 4)"
    )
    parser.add_argument("--warm-up-seconds", type=float, default=3.0, help="default 3")
    parser.add_argument("--starts", type=int, default=3, help="starts of each service (default 3)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    if min(options.rounds, options.starts, options.seconds, options.warm_up_seconds) <= 0:
        parser.error("durations and counts must be over 0")
    try:
        report = measure(
            rounds=options.rounds,
            seconds=options.seconds,
            warm_up_seconds=options.warm_up_seconds,
            starts=options.starts,
            progress=messages.print,
        )
    except (MeasurementError, EmbeddedRuntimeError) as error:
        messages.print(f"error: {error}", markup=False)
        return 1
    if options.json:
        aims = [{**asdict(aim), "reached": aim.reached} for aim in judge_aims(report)]
        print(json.dumps({**asdict(report), "aims": aims}, indent=2))
    else:
        show(report, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
