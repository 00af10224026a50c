"""The admin API's way in and out: who asks, sign-in by password and by provider, sign-out."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from services.common.admin.schemas import (
    ADMIN_PREFIX,
    NewSession,
    OidcFinish,
    OidcStart,
    Person,
    SessionView,
    SignIn,
)
from services.common.schemas import FAILURES_WITH_A_BODY, describe_failures
from services.manager.app.access.callers import forbid_caching
from services.manager.app.access.people import People, person_of
from services.manager.app.access.sign_in import SignIns

router = APIRouter(prefix=ADMIN_PREFIX, dependencies=[Depends(forbid_caching)])

FAILURES = describe_failures(
    FAILURES_WITH_A_BODY,
    {
        404: "No OpenID provider is set",
        429: "Too many attempts from this address",
        502: "The OpenID provider failed",
        503: "The database is away",
    },
)


@router.get("/session", responses=describe_failures({503: "The database is away"}))
async def show_session(request: Request) -> SessionView:
    """Say who asks, how they could sign in, and which token a change has to bring along."""
    return SessionView(**await _describe(request, request.state.person))


@router.post("/session", responses=FAILURES)
async def sign_in(body: SignIn, request: Request) -> NewSession:
    """Begin a session by name and password; one that came along ends."""
    signs: SignIns = request.app.state.sign_ins
    session, account = await signs.by_password(request.scope, body)
    view = await _describe(request, person_of(account), session)
    return NewSession(session=session, **view)


@router.delete("/session", status_code=204, responses=describe_failures({503: "Try again"}))
async def sign_out(request: Request) -> Response:
    """End the session that came along, if one did."""
    await request.app.state.sign_ins.sign_out(request.scope)
    return Response(status_code=204, headers={"cache-control": "no-store"})


@router.post("/oidc/start", responses=FAILURES)
async def start_oidc(request: Request) -> OidcStart:
    """Say where to send a browser that signs in at the OpenID provider."""
    started: OidcStart = await request.app.state.sign_ins.start_oidc(request.scope)
    return started


@router.post("/oidc/finish", responses=FAILURES)
async def finish_oidc(body: OidcFinish, request: Request) -> NewSession:
    """Begin a session of who came back from the OpenID provider."""
    signs: SignIns = request.app.state.sign_ins
    session, account = await signs.finish_oidc(request.scope, body)
    view = await _describe(request, person_of(account), session)
    return NewSession(session=session, **view)


async def _describe(request: Request, person: Person | None, session: str = "") -> dict[str, Any]:
    people: People = request.app.state.people
    ways = await people.find_ways_in()
    return {
        "person": person,
        "csrf_token": people.make_token(request.scope, session),
        "password": ways.password,
        "oidc": ways.oidc,
        "second_person": people.second_person,
    }
