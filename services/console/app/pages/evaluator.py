"""Evaluator: whether it judges as it did, in which sandbox, and a box to try it."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.common.admin.schemas import Condition, EvaluateRequest, TrialAnswer
from services.common.errors import ServiceError
from services.common.evaluation_detail import read_detail
from services.common.presentation import detail_reading
from services.common.presentation.detail_reading import read_line
from services.common.presentation.wordings import EXECUTION_STATUSES
from services.console.app.queries.evaluator import load_fingerprints
from services.console.app.queries.task_types import load_task_types
from services.console.app.web.forms import read_body, read_form, send
from services.console.app.web.rendering import render
from services.console.app.web.viewer import Operator, Reader, Viewer

router = APIRouter()


@router.get("/evaluator")
async def show_evaluator(request: Request, viewer: Reader) -> Response:
    """Show how the Evaluator is."""
    return await _show(request, viewer)


@router.post("/evaluator")
async def judge_answer(request: Request, viewer: Operator) -> Response:
    """Have an answer judged, and show the verdict; nothing of it is kept."""
    form = await read_form(request, viewer)
    sent = {name: str(form.get(name, "")) for name in EvaluateRequest.model_fields}
    try:
        body = read_body(EvaluateRequest, sent)
        viewer.require_task_type(body.task_type)
        answer = await send(request, viewer, "POST", "/evaluations", body)
    except ServiceError as error:
        return await _show(request, viewer, sent=sent, error=error)
    return await _show(request, viewer, sent=sent, answer=TrialAnswer.model_validate(answer))


async def _show(
    request: Request,
    viewer: Viewer,
    *,
    sent: dict[str, str] | None = None,
    answer: TrialAnswer | None = None,
    error: ServiceError | None = None,
) -> Response:
    problem = None
    try:
        told = await send(request, viewer, "GET", "/condition")
        condition = Condition.model_validate(told).evaluator
    except ServiceError as away:
        condition, problem = None, away
    async with request.app.state.database.connection() as connection:
        fingerprints = await load_fingerprints(connection, viewer.task_types)
        task_types = await load_task_types(connection, viewer.task_types)
    return render(
        request,
        "evaluator.html",
        condition=condition,
        problem=problem,
        reading=detail_reading,
        read_moment=read_moment,
        fingerprints=fingerprints,
        task_types=task_types,
        sent=sent or {},
        answer=answer,
        detail=read_detail(answer.detail) if answer else None,
        statuses=EXECUTION_STATUSES,
        error=error,
        status_code=error.status_code if error else 200,
    )


def read_moment(part: dict[str, Any], name: str) -> datetime | None:
    """Read a moment that an Evaluator, maybe of another version, tells; None where it is none."""
    try:
        moment = datetime.fromisoformat(read_line(part, name))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
