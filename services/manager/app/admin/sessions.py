"""The admin API's way in and out: who asks, sign-in by password and by provider, sign-out."""

from fastapi import Request

from services.common.access.accounts import Account
from services.common.admin.schemas import NewSession, OidcFinish, OidcStart, SessionView, SignIn
from services.manager.app.access.callers import create_router
from services.manager.app.access.people import People, person_of
from services.manager.app.access.sign_in import SignIns

router = create_router()


@router.get("/session")
async def show_session(request: Request) -> SessionView:
    """Say who asks, how they could sign in, and which token a change has to bring along."""
    people: People = request.app.state.people
    return SessionView(**await people.describe(request.scope, request.state.person))


@router.post("/session")
async def sign_in(body: SignIn, request: Request) -> NewSession:
    """Begin a session by name and password; one that came along ends."""
    return await _show(request, *await _sign_ins(request).by_password(request.scope, body))


@router.delete("/session", status_code=204)
async def sign_out(request: Request) -> None:
    """End the session that came along, if one did."""
    await _sign_ins(request).sign_out(request.scope)


@router.post("/oidc/start")
async def start_oidc(request: Request) -> OidcStart:
    """Say where to send a browser that signs in at the OpenID provider."""
    return await _sign_ins(request).start_oidc(request.scope)


@router.post("/oidc/finish")
async def finish_oidc(body: OidcFinish, request: Request) -> NewSession:
    """Begin a session of who came back from the OpenID provider."""
    return await _show(request, *await _sign_ins(request).finish_oidc(request.scope, body))


def _sign_ins(request: Request) -> SignIns:
    signs: SignIns = request.app.state.sign_ins
    return signs


async def _show(request: Request, session: str, account: Account) -> NewSession:
    people: People = request.app.state.people
    view = await people.describe(request.scope, person_of(account), session)
    return NewSession(session=session, **view)
