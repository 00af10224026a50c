"""Settings: keys, people, the webhook, and the condition of the system."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import RedirectResponse, Response

from services.common.access.key_records import list_keys
from services.common.access.keys import KeyScope
from services.common.admin.schemas import (
    Condition,
    Job,
    NewKeyAnswer,
    NewKeyRequest,
    NewUserRequest,
    UserChange,
)
from services.common.errors import ServiceError
from services.console.app.pages import audit
from services.console.app.queries.settings import load_people
from services.console.app.web.forms import read_body, read_form, send
from services.console.app.web.rendering import render
from services.console.app.web.viewer import Admin, Reader

ROLES: Final = ("viewer", "operator", "approver", "admin")

KeyId = Annotated[str, Path(pattern="^[0-9a-f]{1,64}$")]
router = APIRouter()
router.include_router(audit.router)


@router.get("/settings")
async def choose_tab(viewer: Reader) -> Response:
    """Go to the first tab that is for whoever looks."""
    tab = "keys" if viewer.may(KeyScope.ADMIN) else "condition"
    return RedirectResponse(f"/settings/{tab}", 303)


@router.get("/settings/keys")
async def show_keys(request: Request, _viewer: Admin) -> Response:
    """List the keys."""
    return await _show_keys(request)


@router.post("/settings/keys")
async def make_key(request: Request, viewer: Admin) -> Response:
    """Make a key; this page alone shows its text, and nobody keeps the page."""
    form = await read_form(request, viewer)
    try:
        body = read_body(
            NewKeyRequest,
            {
                "name": form.get("name", ""),
                "scopes": form.getlist("scopes"),
                "task_types": _split(form.get("task_types", "")),
                "days": form.get("days") or None,
            },
        )
        made = await send(request, viewer, "POST", "/keys", body)
    except ServiceError as error:
        return await _show_keys(request, error)
    return await _show_keys(request, made=NewKeyAnswer.model_validate(made))


@router.post("/settings/keys/{key_id}/revoke")
async def revoke_key(request: Request, viewer: Admin, key_id: KeyId) -> Response:
    """Revoke a key for good."""
    await read_form(request, viewer)
    try:
        await send(request, viewer, "DELETE", f"/keys/{key_id}")
    except ServiceError as error:
        return await _show_keys(request, error)
    return RedirectResponse("/settings/keys", 303)


@router.get("/settings/people")
async def show_people(request: Request, _viewer: Admin) -> Response:
    """List who may sign in."""
    return await _show_people(request)


@router.post("/settings/people")
async def make_person(request: Request, viewer: Admin) -> Response:
    """Make a local account."""
    form = await read_form(request, viewer)
    sent = {name: form.get(name, "") for name in ("name", "password", "role")}
    try:
        body = read_body(NewUserRequest, sent | {"task_types": _split(form.get("task_types", ""))})
        await send(request, viewer, "POST", "/users", body)
    except ServiceError as error:
        return await _show_people(request, error)
    return RedirectResponse("/settings/people", 303)


@router.post("/settings/people/{person_id}")
async def change_person(request: Request, viewer: Admin, person_id: int) -> Response:
    """Change the role or the password of an account, or whether it may sign in."""
    form = await read_form(request, viewer)
    sent: dict[str, object] = {name: form[name] for name in ("role", "password") if form.get(name)}
    if "is_disabled" in form:
        sent["is_disabled"] = form["is_disabled"] == "true"
    try:
        body = read_body(UserChange, sent)
        await send(request, viewer, "PATCH", f"/users/{person_id}", body)
    except ServiceError as error:
        return await _show_people(request, error)
    return RedirectResponse("/settings/people", 303)


@router.get("/settings/message")
async def show_message(request: Request, viewer: Admin, job: UUID | None = None) -> Response:
    """Offer a test message, or say what became of one."""
    try:
        found = await send(request, viewer, "GET", f"/jobs/{job}") if job else None
    except ServiceError as error:
        return _show(request, "message", error, job=None)
    return _show(request, "message", job=Job.model_validate(found) if found else None)


@router.post("/settings/message")
async def send_message(request: Request, viewer: Admin) -> Response:
    """Ask for a test message to the webhook."""
    await read_form(request, viewer)
    try:
        job = Job.model_validate(await send(request, viewer, "POST", "/message"))
    except ServiceError as error:
        return _show(request, "message", error, job=None)
    return RedirectResponse(f"/settings/message?job={job.id}", 303)


@router.get("/settings/condition")
async def show_condition(request: Request, viewer: Reader) -> Response:
    """Show what the system's own checks say, and its versions."""
    try:
        answer = await send(request, viewer, "GET", "/condition")
    except ServiceError as error:
        return _show(request, "condition", error, condition=None)
    return _show(request, "condition", condition=Condition.model_validate(answer))


async def _show_keys(
    request: Request, error: ServiceError | None = None, made: NewKeyAnswer | None = None
) -> Response:
    async with request.app.state.database.connection() as connection:
        keys = await list_keys(connection)
    page = _show(request, "keys", error, keys=keys[::-1], made=made, scopes=list(KeyScope))
    page.headers["cache-control"] = "no-store"
    return page


async def _show_people(request: Request, error: ServiceError | None = None) -> Response:
    async with request.app.state.database.connection() as connection:
        people = await load_people(connection)
    return _show(request, "people", error, people=people, roles=ROLES)


def _show(
    request: Request, tab: str, error: ServiceError | None = None, **context: Any
) -> Response:
    status = error.status_code if error else 200
    template = f"settings/{tab}.html"
    return render(request, template, tab=tab, error=error, status_code=status, **context)


def _split(names: object) -> list[str] | None:
    """Split task types that commas or blanks part; None, which is all, where there are none."""
    return str(names).replace(",", " ").split() or None
