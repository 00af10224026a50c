"""Requests: a list that is searched, and each one told from what was asked to its score."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.common.admin.schemas import ReplayRequest, TrialAnswer
from services.common.errors import ServiceError
from services.common.presentation.short_ids import parse_id_range
from services.common.presentation.wordings import EXECUTION_STATUSES, UNSCORED_MEANINGS
from services.console.app.queries import request_search, request_story
from services.console.app.queries.request_filters import Filters, read_filters
from services.console.app.queries.task_types import load_task_types
from services.console.app.story.telling import Answer, pair_rules, tell_replay, tell_story
from services.console.app.web.exports import export_rows, quieten_json, wants_export
from services.console.app.web.forms import read_body, read_form, send
from services.console.app.web.paging import read_cursor, write_cursor
from services.console.app.web.rendering import MAX_TEXT_CHARACTERS, render
from services.console.app.web.viewer import Operator, Reader, UnknownError, Viewer

router = APIRouter()

LEAST_DIGITS: Final = 8
NO_VERSION: Final = "Choose the version to run it under."


@router.get("/requests")
async def list_requests(request: Request, viewer: Reader, id: str = "") -> Response:  # noqa: A002
    """Show the newest requests that fit the filters, or go to the one whose id is given."""
    if asked := id.strip():
        is_id = asked.replace("-", "").isalnum() and asked.isascii()
        return RedirectResponse(f"/requests/{asked}", 303) if is_id else _miss(request, asked, None)
    filters, wrong = read_filters(dict(request.query_params))
    after = read_cursor(request, datetime, int)
    wanted = wants_export(request)
    async with (
        request_search.take_turn(request.app.state.search_turns),
        request.app.state.database.connection() as connection,
    ):
        found = await request_search.search(
            connection,
            filters,
            viewer.task_types,
            after,
            budget=request_search.EXPORT if wanted else request_search.PAGE,
        )
        rows = await request_search.read_rows(connection, found)
        task_types = await load_task_types(connection, viewer.task_types)
    if wanted:
        name = "requests-cut" if found.following else "requests"
        return export_rows(name, request_search.EXPORTED_COLUMNS, rows, wanted)
    return render(
        request,
        "requests/list.html",
        status_code=422 if wrong else 200,
        filters=filters,
        wrong=wrong,
        is_filtered=filters != Filters(),
        found=found,
        rows=rows,
        task_types=task_types,
        following=write_cursor(*found.following) if found.following else None,
        exported_rows=request_search.EXPORT.page_rows,
    )


@router.get("/requests/{asked}")
async def show_request(asked: str, request: Request, viewer: Reader) -> Response:
    """Tell one request, which may be given by the first digits of its id."""
    try:
        first, last = parse_id_range(asked, least=LEAST_DIGITS, of="a request")
    except ValueError:
        return _miss(request, asked, ids=None)
    if first != last:
        async with request.app.state.database.connection() as connection:
            ids = await request_search.find_ids(connection, first, last, viewer.task_types)
        if len(ids) == 1:
            return RedirectResponse(f"/requests/{ids[0]}", 303)
        return _miss(request, asked, ids)
    if _prefers_json(request):
        return await _send_raw(request, viewer, first)
    found = await _read(request, viewer, first)
    return _tell(request, *found) if found else _miss(request, asked, ids=[])


@router.post("/requests/{request_id}/replay")
async def replay_request(request_id: UUID, request: Request, viewer: Operator) -> Response:
    """Run a request again under another version, and show both answers side by side."""
    form = await read_form(request, viewer)
    found = await _read(request, viewer, request_id)
    if found is None:
        return _miss(request, str(request_id), ids=[])
    try:
        asked = read_body(ReplayRequest, form, NO_VERSION)
        answer = await send(request, viewer, "POST", f"/requests/{request_id}/replay", asked)
    except ServiceError as error:
        return _tell(request, *found, refusal=error)
    replay = tell_replay(TrialAnswer.model_validate(answer), MAX_TEXT_CHARACTERS)
    return _tell(request, *found, replay=replay, replayed_under=asked.prompt_id)


def _miss(request: Request, asked: str, ids: list[UUID] | None) -> Response:
    """Say that no one request is meant; `ids` are those that begin like that."""
    return render(request, "requests/missing.html", status_code=404, asked=asked, ids=ids)


def _prefers_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    wants_json = "application/json" in accepted and "text/html" not in accepted
    return wants_json or request.query_params.get("format") == "json"


async def _read(
    request: Request, viewer: Viewer, request_id: UUID
) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """Read a request that the viewer may see, and the versions that it could be run under."""
    async with request.app.state.database.connection() as connection:
        row = await request_story.read_story(connection, request_id, viewer.task_types)
        if row is None:
            return None
        return row, await request_story.list_versions(connection, row["task_type"])


async def _send_raw(request: Request, viewer: Viewer, request_id: UUID) -> Response:
    async with request.app.state.database.connection() as connection:
        raw = await request_story.read_raw(connection, request_id, viewer.task_types)
    if raw is None:
        raise UnknownError("unknown_request", f"No request {request_id} is in the log.")
    return Response(quieten_json(raw), media_type="application/json")


def _tell(
    request: Request,
    row: dict[str, Any],
    versions: list[dict[str, Any]],
    *,
    refusal: ServiceError | None = None,
    replay: Answer | None = None,
    replayed_under: int | None = None,
) -> Response:
    """Tell a request, and what came of running it again just now."""
    shows_all = "all" in request.query_params
    most = request_story.MAX_SHOWN_CHARACTERS if shows_all else MAX_TEXT_CHARACTERS
    story = tell_story(row, most)
    return render(
        request,
        "requests/one.html",
        status_code=refusal.status_code if refusal else 200,
        story=story,
        most=most,
        versions=versions,
        refusal=refusal.message if refusal else "",
        replay=replay,
        replayed=next((one for one in versions if one["id"] == replayed_under), None),
        rule_pairs=pair_rules(story["answer"].detail, replay.detail) if replay else [],
        meanings=UNSCORED_MEANINGS,
        statuses=EXECUTION_STATUSES,
    )
