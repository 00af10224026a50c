"""Requests: a list that is searched, and each one told from what was asked to its score."""

from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.common.admin.schemas import ReplayRequest, TrialAnswer
from services.common.database import Database
from services.common.errors import ServiceError
from services.common.evaluation_detail import read_detail
from services.common.presentation.detail_reading import read_list, read_part
from services.common.presentation.short_ids import parse_id_range
from services.common.presentation.wordings import EXECUTION_STATUSES, UNSCORED_MEANINGS
from services.common.chat.messages import NOT_WHOLE
from services.console.app.queries import request_search, request_story
from services.console.app.story.answer import colour_code, split_answer
from services.console.app.story.conversation import read_answers, read_tools, read_turns
from services.console.app.web.admin_client import ManagerAwayError, RefusedError
from services.console.app.web.exports import export_rows, wants_export
from services.console.app.web.forms import read_form
from services.console.app.web.paging import read_cursor, write_cursor
from services.console.app.web.rendering import MAX_TEXT_CHARACTERS, render
from services.console.app.web.viewer import Operator, Reader, Viewer

router = APIRouter()

LEAST_DIGITS: Final = 8
EXPORTED_ROWS: Final = 1_000
EXPORT_BUDGET: Final = {"max_rows": 100_000, "budget_seconds": 3.0, "page_rows": EXPORTED_ROWS}
MAX_TURNS: Final = 30
MAX_RECORDS: Final = 60


@router.get("/requests")
async def list_requests(request: Request, viewer: Reader, id: str = "") -> Response:  # noqa: A002
    """Show the newest requests that fit the filters, or go to the one whose id is given."""
    if id.strip():
        return RedirectResponse(f"/requests/{quote(id.strip()[:80], safe='')}", 303)
    filters, wrong = request_search.read_filters(dict(request.query_params))
    after = read_cursor(request, *request_search.POSITION)
    wanted = wants_export(request)
    database: Database = request.app.state.database
    async with database.connection() as connection:
        found = await request_search.search(
            connection, filters, viewer.task_types, after, **(EXPORT_BUDGET if wanted else {})
        )
        rows = await request_search.read_rows(connection, found)
        task_types = await request_search.list_task_types(connection, viewer.task_types)
    if wanted:
        name = "requests-cut" if found.following else "requests"
        return export_rows(name, request_search.EXPORTED_COLUMNS, rows, wanted)
    return render(
        request,
        "requests/list.html",
        status_code=422 if wrong else 200,
        filters=filters,
        wrong=wrong,
        is_filtered=filters != request_search.Filters(),
        found=found,
        rows=rows,
        task_types=task_types,
        following=write_cursor(*found.following) if found.following else None,
        exported_rows=EXPORTED_ROWS,
    )


@router.get("/requests/{asked}")
async def show_request(asked: str, request: Request, viewer: Reader) -> Response:
    """Tell one request, which may be given by the first digits of its id."""
    database: Database = request.app.state.database
    try:
        first, last = parse_id_range(asked, least=LEAST_DIGITS, of="a request")
    except ValueError:
        return render(request, "requests/missing.html", status_code=404, asked=asked, ids=None)
    if first != last:
        async with database.connection() as connection:
            ids = await request_search.find_ids(connection, first, last, viewer.task_types)
        if len(ids) == 1:
            return RedirectResponse(f"/requests/{ids[0]}", 303)
        return render(request, "requests/missing.html", status_code=404, asked=asked, ids=ids)
    if request.query_params.get("format") == "json" or _prefers_json(request):
        return await _send_raw(request, viewer, first)
    return await _tell(request, viewer, first)


@router.post("/requests/{request_id}/replay")
async def replay_request(request_id: UUID, request: Request, viewer: Operator) -> Response:
    """Run a request again under another version, and show both answers side by side."""
    form = await read_form(request, viewer)
    chosen = str(form.get("prompt_id", ""))
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) < 10):  # noqa: PLR2004
        return await _tell(request, viewer, request_id, status_code=422, refusal="Choose a version.")
    try:
        answer = await request.app.state.admin.call(
            "POST",
            f"/requests/{request_id}/replay",
            ReplayRequest(prompt_id=int(chosen)),
            session=viewer.session,
            csrf_token=viewer.view.csrf_token,
        )
    except (RefusedError, ManagerAwayError) as error:
        return await _tell(
            request, viewer, request_id, status_code=error.status_code, refusal=error.message
        )
    replay = TrialAnswer.model_validate(answer)
    return await _tell(request, viewer, request_id, replay=replay, replayed_under=int(chosen))


def _prefers_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


async def _send_raw(request: Request, viewer: Viewer, request_id: UUID) -> Response:
    database: Database = request.app.state.database
    async with database.connection() as connection:
        raw = await request_story.read_raw(connection, request_id, viewer.task_types)
    if raw is None:
        error = ServiceError(f"No request {request_id} is in the log.")
        error.status_code, error.code = 404, "unknown_request"
        raise error
    return Response(raw, media_type="application/json")


async def _tell(
    request: Request, viewer: Viewer, request_id: UUID, status_code: int = 200, **context: Any
) -> Response:
    """Tell a request that the viewer may see; `context` says what was done with it just now."""
    database: Database = request.app.state.database
    async with database.connection() as connection:
        row = await request_story.read_story(connection, request_id, viewer.task_types)
        if row is None:
            return render(
                request, "requests/missing.html", status_code=404, asked=str(request_id), ids=[]
            )
        versions = await request_story.list_versions(connection, row["task_type"])
    most = request_story.MAX_SHOWN_CHARACTERS if "all" in request.query_params else None
    return render(
        request,
        "requests/one.html",
        status_code=status_code,
        **(_read_row(row, most) | {"versions": versions, "refusal": "", "replay": None} | context),
    )
