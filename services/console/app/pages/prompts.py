"""Prompts: versions and how they did, what differs between them, and which of them serves."""

from typing import Final

import asyncpg
from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from services.common.admin.schemas import ActivateRequest, Changed, RollbackRequest
from services.common.models import Prompt
from services.common.presentation.word_difference import compare_words
from services.common.record.changes import NothingToServeError, find_rollback
from services.common.text import make_storable
from services.console.app.pages import drafts
from services.console.app.pages.drafts import find_prompt
from services.console.app.queries.prompts import load_history, load_page, load_serving
from services.console.app.queries.task_types import load_task_types
from services.console.app.queries.traffic import Performance, count_by_prompt
from services.console.app.web.admin_client import RefusedError
from services.console.app.web.exports import export_rows, wants_export
from services.console.app.web.forms import name_path, read_form, read_serving, send
from services.console.app.web.paging import cut_page, read_cursor
from services.console.app.web.rendering import render
from services.console.app.web.viewer import Approver, Reader, UnknownError, Viewer

PAGE_SIZE: Final = 30
EXPORTED_PROMPTS: Final = 5_000
EXPORTED: Final = (
    "id", "task_type", "version", "is_active", "created_by", "created_at", "change_reason"
)  # fmt: skip

router = APIRouter()
router.include_router(drafts.router)


@router.get("/prompts")
async def show_prompts(request: Request, viewer: Reader) -> Response:
    """List the versions of a task type, the latest first."""
    wanted = make_storable(request.query_params.get("task_type", ""))
    viewer.narrow(wanted)
    export, after = wants_export(request), read_cursor(request, int)
    async with request.app.state.database.connection() as connection:
        task_types = await load_task_types(connection, viewer.task_types)
        task_type = wanted or next(iter(task_types), "")
        prompts = await load_page(
            connection,
            task_type,
            before_id=after[0] if after else None,
            limit=EXPORTED_PROMPTS if export else PAGE_SIZE + 1,
        )
        if export:
            rows = ({name: getattr(one, name) for name in EXPORTED} for one in prompts)
            return export_rows(f"prompts-{task_type}", EXPORTED, rows, export)
        serving = await load_serving(connection, task_type)
        shown, cursor = cut_page(prompts, PAGE_SIZE, lambda one: (one.id,))
        done = await count_by_prompt(connection, task_type, [one.id for one in shown])
    return render(
        request,
        "prompts/list.html",
        prompts=shown,
        done={one.id: done.get(one.id, Performance()) for one in shown},
        serving=serving,
        task_type=task_type,
        task_types=task_types,
        cursor=cursor,
    )


@router.get("/prompts/compare")
async def compare_prompts(request: Request, viewer: Reader) -> Response:
    """Show what differs between two versions, word by word."""
    async with request.app.state.database.connection() as connection:
        one, other = [
            await find_prompt(connection, viewer, request.query_params.get(name, ""))
            for name in ("from", "to")
        ]
    if one.task_type != other.task_type:
        raise UnknownError("unknown_prompt", "These two are versions of different task types.")
    return render(
        request,
        "prompts/compare.html",
        one=one,
        other=other,
        changes=compare_words(one.content, other.content),
    )


@router.get("/prompts/rollback")
async def ask_rollback(request: Request, viewer: Approver) -> Response:
    """Say what a rollback would do."""
    task_type = request.query_params.get("task_type", "")
    return _ask(request, *await _find_rollback(request, viewer, task_type), is_rollback=True)


@router.post("/prompts/rollback")
async def roll_back(request: Request, viewer: Approver) -> Response:
    """Serve the text again that served well before."""
    form = await read_form(request, viewer)
    body = RollbackRequest(serving=read_serving(form), reason=str(form.get("reason", ""))[:500])
    task_type = str(form.get("task_type", ""))
    found = await _find_rollback(request, viewer, task_type)
    return await _change(request, viewer, found, "rollback", body)


@router.get("/prompts/{prompt_id}")
async def show_prompt(request: Request, prompt_id: str, viewer: Reader) -> Response:
    """Show a version: its text, where it comes from, and how it did."""
    async with request.app.state.database.connection() as connection:
        prompt = await find_prompt(connection, viewer, prompt_id)
        serving = await load_serving(connection, prompt.task_type)
        began, runs = await load_history(connection, prompt)
        done = await count_by_prompt(connection, prompt.task_type, [prompt.id])
    return render(
        request,
        "prompts/one.html",
        prompt=prompt,
        serving=serving,
        began=began,
        runs=runs,
        done=done.get(prompt.id, Performance()),
    )


@router.get("/prompts/{prompt_id}/activate")
async def ask_activation(request: Request, prompt_id: str, viewer: Approver) -> Response:
    """Say what the activation of a version would do."""
    return _ask(request, *await _find_with_serving(request, viewer, prompt_id))


@router.post("/prompts/{prompt_id}/activate")
async def activate(request: Request, prompt_id: str, viewer: Approver) -> Response:
    """Serve a version's text again, or leave that for another person to approve."""
    form = await read_form(request, viewer)
    found = await _find_with_serving(request, viewer, prompt_id)
    body = ActivateRequest(
        serving=read_serving(form),
        prompt_id=found[1].id,
        reason=str(form.get("reason", ""))[:500],
    )
    return await _change(request, viewer, found, "activate", body)


def _ask(
    request: Request,
    serving: Prompt,
    target: Prompt,
    *,
    is_rollback: bool = False,
    refusal: RefusedError | None = None,
) -> Response:
    return render(
        request,
        "prompts/confirm.html",
        status_code=refusal.status_code if refusal else 200,
        serving=serving,
        target=target,
        changes=compare_words(serving.content, target.content),
        is_rollback=is_rollback,
        refusal=refusal.message if refusal else "",
    )


async def _change(
    request: Request, viewer: Viewer, found: tuple[Prompt, Prompt], what: str, body: BaseModel
) -> Response:
    """Ask for a change of what serves, and go to what it led to."""
    try:
        answer = await send(request, viewer, "POST", name_path(found[0], what), body)
    except RefusedError as error:
        return _ask(request, *found, is_rollback=what == "rollback", refusal=error)
    changed = Changed.model_validate(answer)
    if changed.waiting_run_id is not None:
        return RedirectResponse(f"/heals/{changed.waiting_run_id}", status_code=303)
    return RedirectResponse(f"/prompts/{changed.prompt_id}", status_code=303)


async def _find_with_serving(
    request: Request, viewer: Viewer, prompt_id: str
) -> tuple[Prompt, Prompt]:
    async with request.app.state.database.connection() as connection:
        prompt = await find_prompt(connection, viewer, prompt_id)
        return await _require_serving(connection, prompt.task_type), prompt


async def _find_rollback(request: Request, viewer: Viewer, task_type: str) -> tuple[Prompt, Prompt]:
    viewer.require_task_type(task_type)
    async with request.app.state.database.connection() as connection:
        serving = await _require_serving(connection, make_storable(task_type))
        earlier = await find_rollback(connection, serving)
    if earlier is None:
        raise NothingToServeError(f"No other text served well before version {serving.version}.")
    return serving, earlier


async def _require_serving(connection: asyncpg.Connection, task_type: str) -> Prompt:
    serving = await load_serving(connection, task_type)
    if serving is None:
        raise UnknownError("unknown_prompt", "No version of this task type serves.")
    return serving
