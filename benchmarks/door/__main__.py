"""Measures what the door costs, beside other ways to the same model, which answers at once.

Each round sends the same load to every way in, one after the other: to the bare provider, through
the door (whole and streaming, with its durable row), through the guide's route, which waits for
the score, and through LiteLLM's proxy where `--litellm` names its program. CPU is measured by
process. Scores that follow the door's answers are measured apart.

examples:
  python -m benchmarks.door
  python -m benchmarks.door --litellm ../litellm-venv/bin/litellm --json door.json
  python -m benchmarks.door --read benchmarks/door/results.json
"""

import argparse
import json
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.door.figures import (
    DOOR,
    SCORED,
    Case,
    Cost,
    compare,
    judge_aims,
    median,
)
from benchmarks.door.measurement import LOADS, measure
from benchmarks.measured_system import MeasurementError
from benchmarks.overhead.figures import Machine
from selfheal.runtime.errors import EmbeddedRuntimeError

messages = Console(stderr=True)
Rounds = dict[Case, list[Cost]]


def show(rounds: Rounds, rate: float, output: Console) -> None:
    """Print the medians of the rounds, and the aims."""
    for connections in LOADS:
        load = f"{connections} connection(s)" if connections else f"open loop, {rate:g} requests/s"
        table = Table(title=f"{load} (medians of {len(rounds[Case(DOOR, connections)])} rounds)")
        for column in ("", "p50", "p95", "first byte", "requests/s", "CPU a request", "of which"):
            table.add_column(column, justify="right" if column else "left")
        for case, costs in rounds.items():
            if case.connections == connections:
                table.add_row(case.target, *_cells(costs))
        output.print(table)
        scoring_ms = compare(
            rounds,
            Case(SCORED, connections),
            Case(DOOR, connections),
            lambda scored, served: scored.whole_cpu_ms - served.whole_cpu_ms,
        )
        output.print(f"scoring, in all three services: {scoring_ms:.2f} ms of CPU an answer")
    paces = sorted(cost.machine.pace_ms for costs in rounds.values() for cost in costs)
    others = sorted(cost.machine.others_cores for costs in rounds.values() for cost in costs)
    output.print(
        f"CPU of a fixed piece of Python: {paces[0]:.1f} to {paces[-1]:.1f} ms; "
        f"cores busy with others: {others[0]:.1f} to {others[-1]:.1f}"
    )
    aims = Table(title="The aims (ratios and differences within each round, their medians)")
    for column in ("", "measured", "aim", "reached"):
        aims.add_column(column, justify="right" if column else "left")
    for aim in judge_aims(rounds):
        reached = "[green]yes[/]" if aim.reached else "[red]no[/]"
        aims.add_row(
            aim.name, f"{aim.measured:.2f} {aim.unit}", f"{aim.limit:g} {aim.unit}", reached
        )
    output.print(aims)


def _cells(costs: list[Cost]) -> list[str]:
    parts = [
        f"{name} {median(costs, lambda cost, name=name: cost.cpu_ms[name]):.2f}"  # type: ignore[misc]
        for name in costs[0].cpu_ms
    ]
    return [
        f"{median(costs, lambda cost: cost.p50_ms):.1f} ms",
        f"{median(costs, lambda cost: cost.p95_ms):.1f} ms",
        f"{median(costs, lambda cost: cost.first_p50_ms):.1f} ms",
        f"{median(costs, lambda cost: cost.requests_per_second):.0f}",
        f"{median(costs, lambda cost: cost.whole_cpu_ms):.2f} ms",
        ", ".join(parts) if len(parts) > 1 else "",
    ]


def _write(file: Path, rounds: Rounds, rate: float) -> None:
    cases = [
        {**case._asdict(), "rounds": [asdict(cost) for cost in costs]}
        for case, costs in rounds.items()
    ]
    told = {"date": date.today().isoformat(), "open_loop_rate": rate, "cases": cases}  # noqa: DTZ011
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _read(file: Path) -> tuple[Rounds, float]:
    told = json.loads(file.read_text(encoding="utf-8"))
    rounds = {
        Case(case["target"], case["connections"]): [
            Cost(**{**cost, "machine": Machine(**cost["machine"])}) for cost in case["rounds"]
        ]
        for case in told["cases"]
    }
    return rounds, told["open_loop_rate"]


def main() -> int:
    """Measure from the command line; 0 whether or not the aims are reached."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.door",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--litellm", type=Path, help="LiteLLM's program, to be measured as well")
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a load (default 3)")
    parser.add_argument(
        "--rate", type=float, default=20.0, help="requests a second of the open loop (default 20)"
    )
    parser.add_argument("--json", type=Path, help="write the figures of all rounds to this file")
    parser.add_argument("--read", type=Path, help="show such a file, and measure nothing")
    options = parser.parse_args()
    if min(options.rounds, options.seconds, options.rate) <= 0:
        parser.error("durations, rates and counts must be over 0")
    if options.read:
        show(*_read(options.read), Console())
        return 0
    try:
        rounds = measure(
            rounds=options.rounds,
            seconds=options.seconds,
            rate=options.rate,
            litellm=options.litellm.absolute() if options.litellm else None,
            progress=messages.print,
        )
    except (MeasurementError, EmbeddedRuntimeError) as error:
        messages.print(f"error: {error}", markup=False)
        return 1
    if options.json:
        _write(options.json, rounds, options.rate)
    show(rounds, options.rate, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
