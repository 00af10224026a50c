"""All faults, the choice that every change is tried on, and the table of what came of them."""

import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil
from faults.fault import SCALE, Fault, Row
from faults.kinds import database, heals, network, processes, spool, standing_in
from faults.site import RATE

CHEAPEST = 10
MORE = 3
# Of eight minutes, what starting and ending take is not the faults'.
MOST_SECONDS = 320
COLUMNS = (
    *("Fault", "Acknowledged", "Landed", "Lost", "Doubled", "Unscored"),
    *("Refused", "Broken", "Back after"),
)
FAULTS: list[Fault] = [
    *database.FAULTS,
    *standing_in.FAULTS,
    *spool.FAULTS,
    *processes.FAULTS,
    *heals.FAULTS,
    *network.FAULTS,
]


def choose(faults: Sequence[Fault], commit: str) -> list[Fault]:
    """Choose the cheapest, and three of the others by a commit's hash; the first without one.

    Of the others those are passed over that would leave no time for three.
    """
    by_cost = sorted(faults, key=lambda fault: fault.cost_seconds)
    chosen, others = by_cost[:CHEAPEST], by_cost[CHEAPEST:]
    start = int(commit or "0", 16) % len(others)
    for fault in others[start:] + others[:start]:
        to_choose = CHEAPEST + MORE - len(chosen)
        rest = [one for one in others if one not in [*chosen, fault]][: to_choose - 1]
        seconds = sum(one.cost_seconds for one in [*chosen, fault, *rest])
        if to_choose and seconds <= MOST_SECONDS:
            chosen.append(fault)
    return chosen


def read_commit(root: Path) -> str:
    """Read the commit that is checked out; empty where there is no git."""
    try:
        asked = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""


def render(rows: Sequence[Row]) -> str:
    """Write the matrix in Markdown."""
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    memory = psutil.virtual_memory().total / 2**30
    machine = f"{psutil.cpu_count()} cores, {memory:.0f} GB, Python {platform.python_version()}"
    scale = "" if SCALE == 1 else f" Faults last {SCALE:g} of their time."
    lines = [
        f"{moment}, {machine}, {RATE:g} requests a second (`make test-faults`).{scale}",
        "",
        _write_line(COLUMNS),
        "|---|" + "---:|" * 5 + "---|---|---:|",
    ]
    for row in rows:
        counts = (row.acknowledged, row.landed, row.lost, row.doubled, row.unscored)
        told = (_write_counts(row.refused), _write_counts(row.broken))
        lines.append(
            _write_line([row.fault, *counts, *told, row.problem or f"{row.back_seconds:g} s"])
        )
    return "\n".join(lines) + "\n"


def _write_line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _write_counts(counts: dict[str, int]) -> str:
    return "<br>".join(f"{count} {code}" for code, count in counts.items())
