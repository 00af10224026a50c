"""Workshop: the guide's phases with live checks, and the last grading, for a projector."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.common.admin.schemas import Condition
from services.common.errors import DatabaseUnavailableError, ServiceError
from services.console.app.queries import workshop as queries
from services.console.app.web.forms import send
from services.console.app.web.rendering import render
from services.console.app.web.viewer import Reader, Viewer

# Where scripts/benchmark.py writes without --output-dir, from the directory that it is run in.
REPORT: Final = Path("reports/report.json")
SERVICES: Final = 3

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Step:
    """Something that the guide has people do, and whether it is done.

    Attributes:
        found: What was found; `of` is how much of it there should be, where that is a number.
    """

    title: str
    done: bool
    found: object = ""
    of: int = 0
    at: datetime | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the guide; one without steps has nothing that could be checked."""

    number: int
    title: str
    minutes: int
    steps: tuple[Step, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether all that can be checked of it is done."""
        return bool(self.steps) and all(step.done for step in self.steps)


@router.get("/workshop")
async def show_workshop(request: Request, viewer: Reader) -> Response:
    """Show how far the workshop has come."""
    viewer.require_task_type(queries.TASK_TYPE)
    healthy = await _count_healthy(request, viewer)
    try:
        async with request.app.state.database.connection() as connection:
            tables, progress = await queries.load_progress(connection)
    except DatabaseUnavailableError:
        tables, progress = 0, {}
    try:
        grading, is_damaged = await asyncio.to_thread(queries.read_grading, REPORT), False
    except ValueError:
        grading, is_damaged = None, True
    return render(
        request,
        "workshop.html",
        phases=list_phases(healthy, tables, progress),
        grading=grading,
        is_damaged=is_damaged,
        report=REPORT,
    )


async def _count_healthy(request: Request, viewer: Viewer) -> int:
    """Count the services that are ready; who tells of the others is one of them."""
    try:
        answer = await send(request, viewer, "GET", "/condition")
    except ServiceError:
        return 0
    checks = {check.name: check.result for check in Condition.model_validate(answer).checks}
    return 1 + sum(checks.get(name) == "ok" for name in ("worker", "evaluator"))


def list_phases(healthy: int, tables: int, found: Mapping[str, Any]) -> list[Phase]:
    """List the guide's phases, with what was found of their steps. Pure."""
    get = found.get
    run_url = f"/heals/{get('run_id')}" if get("run_id") else ""
    replaced = bool(get("is_replaced"))
    version, since = (get("serving_version"), get("serving_at")) if replaced else ("", None)
    start = (
        _count("Three tables", tables, len(queries.TABLES)),
        Step("The seed prompt", bool(get("seeded_by")), get("seeded_by") or ""),
        _count("Three healthy services", healthy, SERVICES),
    )
    recovery = (
        _see("Step 1: Deploy a bad prompt", get("bad_at"), get("bad_content")),
        _count("Step 2: Five requests fail", get("failures", 0), queries.FAILURES_WANTED),
        _see("Step 3: Run the Optimizer", get("run_at"), get("run_decision"), run_url),
        Step("A new version serves", replaced, version, at=since),
        _see_pass("Step 4: The same request passes", found, "healed_request"),
    )
    first = _see_pass("A request passes under the seed prompt", found, "seed_request")
    return [
        Phase(1, "Why a system should heal itself", 15),
        Phase(2, "Reading the code", 20),
        Phase(3, "Build and start", 20, start),
        Phase(4, "Follow one request to its end", 15, (first,)),
        Phase(5, "Break it and watch it recover", 25, recovery),
        Phase(6, "Reading the metrics", 10),
    ]


def _count(title: str, found: int, of: int) -> Step:
    return Step(title, found >= of, found, of)


def _see(title: str, at: datetime | None, found: object, url: str = "") -> Step:
    return Step(title, at is not None, found or "", at=at, url=url)


def _see_pass(title: str, found: Mapping[str, Any], name: str) -> Step:
    at, score = found.get(f"{name}_at"), found.get(f"{name}_score")
    return _see(title, at, "" if score is None else f"{score:.3f}")
