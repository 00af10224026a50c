"""Measures what becomes of more requests than can be served: some are answered, others refused.

The model's provider is a stand-in of so many slots, each of which takes the same time for an
answer. Requests come in an open loop: each is sent when its time has come, and timed from then.

examples:
  python -m benchmarks.overload
  python -m benchmarks.overload --refuse            a provider that answers 429 instead of waiting
  python -m benchmarks.overload --guide --factor 5  the guide's route, which waits for the score
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.door.figures import DOOR, GUIDE
from benchmarks.measured_system import MeasurementError
from benchmarks.overload.figures import Phase, judge_aims
from benchmarks.overload.measurement import measure
from benchmarks.run_description import describe_run
from selfheal.runtime.errors import EmbeddedRuntimeError

messages = Console(stderr=True)


def show(phases: dict[str, Phase], capacity: float, told: dict[str, str], output: Console) -> None:
    """Print the phases and the aims."""
    table = Table(
        title=", ".join(told.values()),
        caption=f"the provider can give {capacity:g} answers a second; refusal, late: p99",
    )
    cpu = Table(title="CPU in milliseconds a request")
    for column in (
        "",
        "sent/s",
        "answered/s",
        "refused/s",
        "p50",
        "p99",
        "refusal",
        "late",
    ):
        table.add_column(column, justify="right" if column else "left")
    for column in ("", *next(iter(phases.values())).cpu_ms):
        cpu.add_column(column, justify="right" if column else "left")
    for name, phase in phases.items():
        rates = phase.offered, phase.answered, phase.refused
        times = phase.p50_ms, phase.p99_ms, phase.refused_p99_ms, phase.late_p99_ms
        table.add_row(name, *(f"{one:.1f}" for one in rates), *(f"{one:.0f} ms" for one in times))
        spent = (f"{one / phase.requests:.2f}" for one in phase.cpu_ms.values())
        cpu.add_row(name, *spent)
    output.print(table)
    output.print(cpu)
    others = [phase.machine.others_cores for phase in phases.values()]
    paces = [phase.machine.pace_ms for phase in phases.values()]
    output.print(
        f"CPU of a fixed piece of Python: {min(paces):.1f} to {max(paces):.1f} ms; "
        f"cores busy with others: {min(others):.1f} to {max(others):.1f}"
    )
    aims = Table(title="The aims")
    for column in ("", "measured", "aim", "reached"):
        aims.add_column(column, justify="right" if column else "left")
    for aim in judge_aims(phases, capacity):
        reached = "[green]yes[/]" if aim.reached else "[red]no[/]"
        limit = f"{aim.limit:g} {aim.unit}"
        aims.add_row(aim.name, f"{aim.measured:.2f} {aim.unit}", limit, reached)
    output.print(aims)


def main() -> int:
    """Measure from the command line; 0 whether or not the aims are reached."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overload",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--slots", type=int, default=20, help="default 20")
    parser.add_argument("--answer-seconds", type=float, default=0.2, help="default 0.2")
    parser.add_argument("--refuse", action="store_true", help="the provider refuses with 429")
    parser.add_argument("--factor", type=float, default=10, help="times its capacity; default 10")
    parser.add_argument("--seconds", type=float, default=15, help="of a phase; default 15")
    parser.add_argument("--guide", action="store_true", help="by the guide's route")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    if min(options.slots, options.answer_seconds, options.factor, options.seconds) <= 0:
        parser.error("slots, durations and the factor must be over 0")
    try:
        phases = measure(
            target=GUIDE if options.guide else DOOR,
            slots=options.slots,
            answer_seconds=options.answer_seconds,
            refuses=options.refuse,
            factor=options.factor,
            seconds=options.seconds,
            progress=messages.print,
        )
    except (MeasurementError, EmbeddedRuntimeError) as error:
        messages.print(f"error: {error}", markup=False)
        return 1
    told = describe_run()
    if options.json:
        figures = {name: asdict(phase) for name, phase in phases.items()}
        options.json.write_text(json.dumps(told | figures, indent=1) + "\n", encoding="utf-8")
    show(phases, options.slots / options.answer_seconds, told, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
