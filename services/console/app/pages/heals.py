"""Heals: every run of the Optimizer, each as a page that can be read in a minute."""

from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.common.models import Prompt
from services.common.presentation import detail_reading as reading
from services.common.presentation.word_difference import compare_words
from services.common.presentation.wordings import CONTROLS, FAULTS, HOLDS, NEXT_STEPS
from services.common.record.outcomes import HELD
from services.common.record.proposals import load_open_proposals
from services.common.record.stored_runs import StoredRun, load_runs_by_id
from services.common.text import make_storable
from services.console.app.queries import heals as queries
from services.console.app.queries.prompts import load_serving
from services.console.app.queries.task_types import load_task_types
from services.console.app.queries.traffic import Performance, count_answers
from services.console.app.story.heal import tell
from services.console.app.story.wealth_chart import lay_out, read_proof
from services.console.app.web.admin_client import RefusedError
from services.console.app.web.exports import export_rows, wants_export
from services.console.app.web.forms import read_form, read_serving, send
from services.console.app.web.paging import cut_page, read_cursor
from services.console.app.web.rendering import render
from services.console.app.web.viewer import Approver, Reader, UnknownError, Viewer

PAGE_SIZE: Final = 50
EXPORTED_RUNS: Final = 5_000
EXPORTED: Final = (
    "id", "created_at", "task_type", "outcome", "reason", "verdict", "version", "after_version",
    "watch_outcome", "triggered_by", "requested_by", "resolved_by",
)  # fmt: skip
DAY_MINUTES: Final = 24 * 60
CHART_SIZES: Final = ((760, 260), (360, 250))
ANSWERS: Final = ("approve", "reject", "undo")
READERS: Final = {
    "faults": FAULTS,
    "controls": CONTROLS,
    "part": reading.read_part,
    "records": reading.read_records,
    "listed": reading.read_list,
    "figure": reading.read_number,
    "told": reading.read_line,
}

router = APIRouter()


@router.get("/heals")
async def show_heals(request: Request, viewer: Reader) -> Response:
    """List the runs, the latest first."""
    task_type = make_storable(request.query_params.get("task_type", ""))
    outcome = request.query_params.get("outcome", "")
    export, after = wants_export(request), read_cursor(request, datetime, UUID)
    async with request.app.state.database.connection() as connection:
        runs = await queries.load_page(
            connection,
            task_types=viewer.narrow(task_type),
            outcome=outcome if outcome in queries.OUTCOMES else None,
            after=after,
            limit=EXPORTED_RUNS if export else PAGE_SIZE + 1,
        )
        task_types = await load_task_types(connection, viewer.task_types)
    if export:
        rows = ({name: getattr(run, name) for name in EXPORTED} for run in runs)
        return export_rows("heals", EXPORTED, rows, export)
    shown, cursor = cut_page(runs, PAGE_SIZE, lambda run: (run.created_at, run.id))
    return render(
        request,
        "heals/list.html",
        runs=shown,
        task_types=task_types,
        outcomes=queries.OUTCOMES,
        holds=HOLDS,
        chosen={"task_type": task_type, "outcome": outcome if outcome in queries.OUTCOMES else ""},
        cursor=cursor,
    )


@router.get("/heals/{run_id}")
async def show_heal(request: Request, run_id: UUID, viewer: Reader) -> Response:
    """Show a run: what failed, whose fault it is, what was tried, the proof, and the way back."""
    return render(request, "heals/one.html", **await _read_heal(request, viewer, run_id))


@router.post("/heals/{run_id}/{action}")
async def answer_heal(request: Request, run_id: UUID, action: str, viewer: Approver) -> Response:
    """Approve or reject what a run proposes, or undo what it did."""
    form = await read_form(request, viewer)
    context = await _read_heal(request, viewer, run_id)
    if action not in ANSWERS:
        raise UnknownError("unknown_run", f"A run has no {action!r}.")
    body = read_serving(form) if action == "undo" else None
    try:
        await send(request, viewer, "POST", f"/runs/{run_id}/{action}", body)
    except RefusedError as error:
        shown = context | {"refusal": error.message, "status_code": error.status_code}
        return render(request, "heals/one.html", **shown)
    return RedirectResponse(f"/heals/{run_id}", status_code=303)


async def _read_heal(request: Request, viewer: Viewer, run_id: UUID) -> dict[str, Any]:
    """Read all that the page of a run shows."""
    async with request.app.state.database.connection() as connection:
        run = next(iter(await load_runs_by_id(connection, run_id, run_id)), None)
        if run is None or not viewer.may_see(run.task_type):
            raise UnknownError("unknown_run", f"There is no run {run_id}.")
        told = (
            reading.read_number(reading.read_part(run.detail, "failures"), "lookback_minutes")
            or DAY_MINUTES
        )
        minutes = max(0.0, min(told, queries.MAX_LOOKBACK.total_seconds() / 60))
        serving = await load_serving(connection, run.task_type)
        before, live, recent = await _count(connection, run, serving, minutes)
        examples = await queries.load_examples(connection, run, minutes)
        watch = await queries.load_watch_detail(connection, run.candidate_id)
        staleness = await _find_staleness(connection, run) if run.is_open_proposal else ""
    example_of = {reading.show_line(example["text"]): example for example in reversed(examples)}
    return {
        "run": run,
        "story": tell(run, serving, live, recent, staleness),
        "serving": serving,
        "staleness": staleness,
        "before": before,
        "live": live,
        "examples": sorted(example_of.values(), key=itemgetter("created_at"), reverse=True),
        "example_of": example_of,
        "breaking": {
            rule: [one for one in examples if rule in one["rules"]]
            for rule in {rule for example in examples for rule in example["rules"]}
        },
        "next_steps": NEXT_STEPS,
        "watch": watch or reading.read_part(run.detail, "watch"),
        "is_own": viewer.view.second_person and run.requested_by == viewer.person.name,
        "refusal": "",
        **_show_proof(run),
        **READERS,
    }


def _show_proof(run: StoredRun) -> dict[str, Any]:
    proof = read_proof(reading.read_part(run.detail, "verdict"))
    before, after = run.before_content, run.after_content
    is_of_use = run.decision != HELD or run.requested_by is not None
    is_known = before is not None and after is not None and is_of_use
    return {
        "proof": proof,
        "charts": [lay_out(proof, *size) for size in CHART_SIZES] if proof else [],
        "changes": compare_words(before or "", after or "") if is_known else [],
    }


async def _count(
    connection: asyncpg.Connection, run: StoredRun, serving: Prompt | None, minutes: float
) -> tuple[Performance, Performance, Performance]:
    """Count the answers of the text before, of the run's own, and lately of what serves."""
    now = datetime.now(UTC)
    before = live = recent = Performance()
    if run.version is not None:
        start = run.created_at - min(timedelta(minutes=minutes), queries.MAX_LOOKBACK)
        before = await count_answers(connection, run.task_type, run.version, start, run.created_at)
    if run.after_version is not None:
        start = run.watched_since or run.resolved_at or run.created_at
        live = await count_answers(connection, run.task_type, run.after_version, start, now)
    if serving is not None:
        start = now - timedelta(hours=1)
        recent = await count_answers(connection, run.task_type, serving.version, start, now)
    return before, live, recent


async def _find_staleness(connection: asyncpg.Connection, run: StoredRun) -> str:
    proposals = await load_open_proposals(connection, run.task_type)
    return next((one.staleness for one in proposals if one.run_id == run.id), "")
