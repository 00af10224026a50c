"""Drafts: a text is tried on a few inputs, and then put through the gate."""

from typing import Any, Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.common.admin.schemas import (
    MAX_TRIAL_INPUTS,
    DraftRequest,
    Job,
    TrialRequest,
    TrialResult,
)
from services.common.errors import InvalidRequestError, ServiceError
from services.common.models import Prompt
from services.common.presentation.detail_reading import read_line, read_records
from services.common.schemas import MAX_INPUT_CHARACTERS
from services.common.task_types import TaskTypeError, open_task_types
from services.console.app.queries.prompts import load_failing, load_prompt, load_serving
from services.console.app.web.admin_client import RefusedError
from services.console.app.web.forms import name_path, read_body, read_form, send
from services.console.app.web.rendering import render
from services.console.app.web.viewer import Operator, Reader, UnknownError, Viewer

MOST_OFFERED: Final = 10
MAX_PROMPT_ID_DIGITS: Final = 9
NO_DRAFT: Final = "A draft needs a text, of 100,000 characters at most."
NO_TRIAL: Final = (
    f"A trial needs a text and 1 to {MAX_TRIAL_INPUTS} inputs, each of "
    f"{MAX_INPUT_CHARACTERS:,} characters at most."
)

router = APIRouter()


async def find_prompt(connection: asyncpg.Connection, viewer: Viewer, prompt_id: str) -> Prompt:
    """Find a prompt of a task type that the viewer may see, or refuse."""
    is_id = prompt_id.isascii() and prompt_id.isdigit() and len(prompt_id) <= MAX_PROMPT_ID_DIGITS
    prompt = await load_prompt(connection, int(prompt_id)) if is_id else None
    if prompt is None or not viewer.may_see(prompt.task_type):
        raise UnknownError("unknown_prompt", "There is no such version.")
    return prompt


@router.get("/prompts/draft")
async def show_draft(request: Request, viewer: Operator) -> Response:
    """Show the form for a draft that begins as the text of a version."""
    prompt_id = request.query_params.get("from", "")
    return _show(request, await _read_context(request, viewer, prompt_id))


@router.post("/prompts/draft")
async def use_draft(request: Request, viewer: Operator) -> Response:
    """Try a draft on the chosen inputs, or send it through the gate."""
    form = await read_form(request, viewer)
    context = await _read_context(request, viewer, str(form.get("from", "")))
    origin = context["origin"]
    context["content"], context["reason"] = (
        str(form.get(name, "")) for name in ("content", "reason")
    )
    context["chosen"] = [text for text in map(str, form.getlist("input")) if text.strip()]
    try:
        if form.get("action") == "send":
            sent = {"content": context["content"], "reason": context["reason"][:500]}
            draft = read_body(DraftRequest, sent, NO_DRAFT)
            answer = await send(request, viewer, "POST", name_path(origin, "draft"), draft)
            return RedirectResponse(f"/jobs/{Job.model_validate(answer).id}", status_code=303)
        trial = read_body(TrialRequest, context | {"inputs": context["chosen"]}, NO_TRIAL)
        answer = await send(request, viewer, "POST", name_path(origin, "trial"), trial)
    except (RefusedError, InvalidRequestError) as error:
        return _show(request, context, refusal=error)
    return _show(request, context, result=TrialResult.model_validate(answer))


@router.get("/jobs/{job_id}")
async def show_job(request: Request, job_id: UUID, viewer: Reader) -> Response:
    """Show how far something is that an Optimizer was asked for."""
    job = Job.model_validate(await send(request, viewer, "GET", f"/jobs/{job_id}"))
    if job.task_type is not None:
        viewer.require_task_type(job.task_type)
    return render(request, "prompts/job.html", job=job)


async def _read_context(request: Request, viewer: Viewer, prompt_id: str) -> dict[str, Any]:
    """Read what a draft begins with, and the inputs that it can be tried on.

    Of the golden inputs those for choosing alone: a draft that was fitted to the others would
    prove nothing at the gate.
    """
    async with request.app.state.database.connection() as connection:
        origin = await find_prompt(connection, viewer, prompt_id)
        serving = await load_serving(connection, origin.task_type)
        failing = await load_failing(connection, serving, MOST_OFFERED) if serving else []
    try:
        task_types = open_task_types(request.app.state.settings.task_types_dir)
        golden = task_types.golden_inputs(origin.task_type)
        offered = [text for text in golden.choosing if text not in golden.conversations]
    except TaskTypeError:
        offered = []
    return {
        "origin": origin,
        "content": origin.content,
        "reason": "",
        "chosen": [],
        "failing": failing,
        "golden": offered[:MOST_OFFERED],
    }


def _show(
    request: Request,
    context: dict[str, Any],
    *,
    result: TrialResult | None = None,
    refusal: ServiceError | None = None,
) -> Response:
    offered = {*context["golden"], *(text for text, _ in context["failing"])}
    return render(
        request,
        "prompts/draft.html",
        status_code=refusal.status_code if refusal else 200,
        **context,
        own=next((text for text in context["chosen"] if text not in offered), ""),
        result=result,
        refusal=refusal.message if refusal else "",
        most=MAX_TRIAL_INPUTS,
        records=read_records,
        told=read_line,
    )
