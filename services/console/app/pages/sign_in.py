"""Signing in and out: by password, at an OpenID provider; and the switch of languages."""

from typing import Any, Final
from urllib.parse import quote, unquote

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from services.common.access import browsers
from services.common.admin.schemas import (
    NewSession,
    OidcFinish,
    OidcStart,
    SessionView,
    SignIn,
)
from services.common.errors import ForbiddenError
from services.console.app.web import cookies
from services.console.app.web.admin_client import AdminClient, ManagerAwayError, RefusedError
from services.console.app.web.forms import CSRF_FIELD
from services.console.app.web.rendering import render
from services.console.app.web.texts import LANGUAGE_COOKIE, LANGUAGES

OIDC_SECONDS: Final = 600
YEAR_SECONDS: Final = 365 * 24 * 3600
WRONG: Final = "Name or password is wrong."
START_AGAIN: Final = "This sign-in began in another browser, or took too long. Begin again."

router = APIRouter()


@router.get("/sign-in")
async def show_sign_in(request: Request) -> Response:
    """Show how to sign in; whoever has done so already goes on."""
    view = await _find_view(request)
    goal = choose_goal(request.query_params.get("next"))
    if view.person and not (view.person.kind == "local" and request.app.state.is_public):
        return RedirectResponse(goal, 303)
    return _render(request, view, goal)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Sign in by name and password; the Manager checks the form's token with them."""
    form = await _read_form(request)
    goal = choose_goal(_text(form, "next"))
    name = _text(form, "name")
    try:
        given = SignIn(name=name, password=_text(form, "password"))
    except ValidationError:
        return await _show_refusal(request, _refusal(WRONG, 401), goal, name)
    try:
        answer = await _call(request, "/session", given, csrf_token=_text(form, CSRF_FIELD))
    except RefusedError as error:
        return await _show_refusal(request, error, goal, name)
    return _begin(request, NewSession.model_validate(answer), goal)


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session, here in any case."""
    session = cookies.read_session(request)
    token = _text(await _read_form(request), CSRF_FIELD)
    if session and not browsers.matches_csrf_token(token, session):
        raise browsers.CsrfTokenError(
            "This form is too old, or no page of ours. Load the page anew."
        )
    try:
        if session:
            await _admin(request).call("DELETE", "/session", session=session, csrf_token=token)
    except (RefusedError, ManagerAwayError):
        pass  # It ends by itself when it isn't used.
    _forget(request, session)
    response = RedirectResponse("/sign-in", 303)
    cookies.delete_cookie(request, response, cookies.SESSION_COOKIE)
    return response


@router.get("/sign-in/oidc")
async def start_oidc(request: Request) -> Response:
    """Send the browser to the provider. A form couldn't: it may lead to pages of ours alone."""
    if request.headers.get("sec-fetch-site", "none") not in browsers.OWN_FETCH_SITES:
        raise ForbiddenError("A page of another site asked for this.")
    goal = choose_goal(request.query_params.get("next"))
    view = await _find_view(request)
    try:
        answer = await _call(request, "/oidc/start", csrf_token=view.csrf_token)
    except RefusedError as error:
        return await _show_refusal(request, error, goal)
    start = OidcStart.model_validate(answer)
    response = RedirectResponse(start.url, 303)
    held = f"{start.binding}:{quote(goal, safe='')}"
    cookies.set_cookie(request, response, cookies.OIDC_COOKIE, held, seconds=OIDC_SECONDS)
    return response


@router.get("/sign-in/oidc/callback")
async def finish_oidc(request: Request) -> Response:
    """Sign in whom the provider sent back, in the browser that had gone there."""
    binding, _, goal = cookies.read_cookie(request, cookies.OIDC_COOKIE).partition(":")
    goal = choose_goal(unquote(goal))
    try:
        session = await _finish(request, binding)
    except RefusedError as error:
        response = await _show_refusal(request, error, goal)
    else:
        response = _begin(request, session, goal)
    cookies.delete_cookie(request, response, cookies.OIDC_COOKIE)
    return response


@router.post("/language")
async def switch_language(request: Request) -> Response:
    """Show the pages in another language from now on."""
    form = await _read_form(request)
    response = RedirectResponse(choose_goal(_text(form, "next")), 303)
    if (language := _text(form, "language")) in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, language, max_age=YEAR_SECONDS, httponly=True, samesite="lax"
        )
    return response


def choose_goal(path: object) -> str:
    """Return where to go on: a path of ours, else the first page."""
    return path if isinstance(path, str) and browsers.is_own_path(path) else "/"


async def _finish(request: Request, binding: str) -> NewSession:
    sent = request.query_params
    if not binding or not sent.get("state"):
        # A sentence for somebody who began nothing is anyone's, and no provider's.
        raise _refusal(START_AGAIN, 400)
    if "error" in sent:
        raise _refusal(
            f"The provider refused: {sent.get('error_description') or sent['error']}", 400
        )
    if not sent.get("code"):
        raise _refusal(START_AGAIN, 400)
    view = await _find_view(request)
    body = OidcFinish(state=sent["state"], code=sent["code"], iss=sent.get("iss"), binding=binding)
    answer = await _call(request, "/oidc/finish", body, csrf_token=view.csrf_token)
    return NewSession.model_validate(answer)


def _begin(request: Request, session: NewSession, goal: str) -> Response:
    """Give the browser its new session, in place of any that it held."""
    _forget(request, cookies.read_session(request))
    response = RedirectResponse(goal, 303)
    cookies.set_cookie(request, response, cookies.SESSION_COOKIE, session.session)
    return response


def _forget(request: Request, session: str) -> None:
    _admin(request).forget_session(session)
    request.app.state.last_pages.forget(session)


async def _show_refusal(
    request: Request, error: RefusedError, goal: str, name: str = ""
) -> Response:
    wait = error.headers.get("retry-after", "")
    response = _render(
        request,
        await _find_view(request),
        goal,
        status_code=error.status_code,
        problem=error.message,
        wait_seconds=int(wait) if wait.isdecimal() else None,
        name=name,
    )
    response.headers.update(error.headers)
    return response


def _render(request: Request, view: SessionView, goal: str, **context: object) -> Response:
    shown = {"problem": "", "wait_seconds": None, "name": "", "status_code": 200, **context}
    return render(request, "sign_in.html", view=view, goal=goal, **shown)


def _refusal(sentence: str, status_code: int) -> RefusedError:
    error = RefusedError(sentence)
    error.status_code = status_code
    return error


async def _find_view(request: Request) -> SessionView:
    return (await _admin(request).find_session(cookies.read_session(request))).view


async def _call(
    request: Request, path: str, body: BaseModel | None = None, *, csrf_token: str
) -> Any:
    """Call the Manager, and say whose attempt it is, for its throttle."""
    address = browsers.read_client_address(request.scope, request.app.state.trusted_proxies)
    return await _admin(request).call(
        "POST",
        path,
        body,
        session=cookies.read_session(request),
        csrf_token=csrf_token,
        headers={"X-Forwarded-For": address} if address else {},
    )


def _admin(request: Request) -> AdminClient:
    admin: AdminClient = request.app.state.admin
    return admin


async def _read_form(request: Request) -> FormData:
    return await request.form(max_files=0, max_fields=10)


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
