"""Task types: what serves them, how their answers are judged, and what can be proven of them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.common.costs.hours import load_costs, show_usd
from services.common.errors import UnknownTaskTypeError
from services.common.proof.betting import FIRST_ALPHA, MAX_PROVING, wins_needed
from services.common.task_types import GoldenInputs, TaskType, TaskTypeError, open_task_types
from services.common.task_types.checks import Check
from services.console.app.queries.now import load_serving
from services.console.app.queries.task_types import load_recent_inputs, measure_coverage
from services.console.app.web.rendering import render
from services.console.app.web.viewer import Reader, Viewer

MOST_LOSSES: Final = 3

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Entry:
    """A task type: what serves it, and its directory, where it has one that can be used."""

    name: str
    serving: Any
    found: TaskType | None = None
    problem: TaskTypeError | None = None
    is_own: bool = False

    @property
    def golden(self) -> GoldenInputs:
        """The golden inputs; empty halves where there is no directory."""
        return self.found.golden_inputs if self.found else GoldenInputs()


@dataclass(frozen=True, slots=True)
class Provable:
    """What a proof needs where so many pairs are lost; `points` is the least gain that it shows."""

    losses: int
    wins: int
    points: float


@router.get("/task-types")
async def show_task_types(request: Request, viewer: Reader) -> Response:
    """List the task types that serve or have a directory."""
    entries, problem = await _load_entries(request, viewer)
    async with request.app.state.database.connection() as connection:
        costs = await load_costs(connection, datetime.now(UTC), viewer.task_types)
    return render(
        request,
        "task_types/list.html",
        entries=entries.values(),
        problem=problem,
        costs=costs,
        show_usd=show_usd,
    )


@router.get("/task-types/{name:path}")
async def show_task_type(request: Request, viewer: Reader, name: str) -> Response:
    """Show all about one task type."""
    viewer.require_task_type(name)
    entries, _ = await _load_entries(request, viewer)
    if name not in entries:
        raise UnknownTaskTypeError(task_type=name, known=list(entries))
    entry = entries[name]
    async with request.app.state.database.connection() as connection:
        recent = await load_recent_inputs(connection, name)
    pairs = min(len(entry.golden.verdict), MAX_PROVING)
    weights = entry.found.rule_weights if entry.found else {}
    return render(
        request,
        "task_types/one.html",
        entry=entry,
        coverage=measure_coverage(entry.golden, recent),
        pairs=pairs,
        provable=list_provable(pairs),
        wins=wins_needed(alpha=FIRST_ALPHA),
        rules=[(rule, weighed.weight) for rule, weighed in weights.items()],
        caps=[rule for rule, weighed in weights.items() if weighed.caps],
        halves=[("choosing", entry.golden.choosing), ("verdict", entry.golden.verdict)],
        # Whoever may only read can be a program or an agent with a key, and what such a one reads
        # may end up in a prompt: what proves a repair is for people who operate.
        shows_answers=viewer.may("operate"),
        write_check=write_check,
        write_answer=lambda answer: json.dumps(answer, ensure_ascii=False, indent=2),
    )


def list_provable(pairs: int) -> list[Provable]:
    """List what so many pairs can prove, by how many of them are lost."""
    needed = [
        (losses, wins_needed(losses=losses, alpha=FIRST_ALPHA)) for losses in range(MOST_LOSSES + 1)
    ]
    return [
        Provable(losses, wins, (wins - losses) / pairs)
        for losses, wins in needed
        if wins + losses <= pairs
    ]


def write_check(check: Check) -> str:
    """Write a check as its file has it: a call and what it comes to, for each reading."""
    return " | ".join(
        "; ".join(filter(None, (call.setup.replace("\n", "; "), call.expression)))
        + (f" raises {call.expected_error}" if call.expected_error else f" == {call.expected!r}")
        for call in check
    )


async def _load_entries(
    request: Request, viewer: Viewer
) -> tuple[dict[str, Entry], TaskTypeError | None]:
    """Load the viewer's task types by name, and why own directories are left out."""
    known, problem = open_task_types(request.app.state.settings.task_types_dir), None
    try:
        named = set(known.names())
    except TaskTypeError as error:
        known, problem = open_task_types(None), error
        named = set(known.names())
    async with request.app.state.database.connection() as connection:
        rows = await load_serving(connection, viewer.task_types)
    if viewer.task_types is not None:
        named &= set(viewer.task_types)
    serving = {row["task_type"]: row for row in rows}
    entries = {}
    for name in sorted(named | serving.keys()):
        is_own = name in named and not known.is_built_in(name)
        try:
            found = known.find(name) if name in named else None
            entries[name] = Entry(name, serving.get(name), found, is_own=is_own)
        except TaskTypeError as error:
            entries[name] = Entry(name, serving.get(name), problem=error, is_own=is_own)
    return entries, problem
