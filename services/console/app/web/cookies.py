"""Cookies: the session's, and the short-lived one of a sign-in at a provider."""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from services.common.config import ConsoleSettings

SESSION_COOKIE: Final = "selfheal_session"
OIDC_COOKIE: Final = "selfheal_oidc"
_SESSION = re.compile(r"ses_[A-Za-z0-9_-]{20,200}", re.ASCII)


def is_https(settings: ConsoleSettings) -> bool:
    """Tell whether people open the console over HTTPS."""
    return settings.public_url.startswith("https://")


def read_session(request: Request) -> str:
    """Return the secret of the session that a browser holds; empty where it holds none."""
    value = read_cookie(request, SESSION_COOKIE)
    return value if _SESSION.fullmatch(value) else ""


def read_cookie(request: Request, name: str) -> str:
    """Return the value of a cookie of ours; empty where there is none."""
    return request.cookies.get(_name(request, name), "")


def set_cookie(
    request: Request, response: Response, name: str, value: str, *, seconds: int | None = None
) -> None:
    """Give a browser a cookie that no script reads and no other site's form sends.

    Over HTTPS it is bound to this very host, so that no neighbouring one can set it.
    """
    response.set_cookie(
        _name(request, name),
        value,
        max_age=seconds,
        secure=is_https(request.app.state.settings),
        httponly=True,
        samesite="lax",
    )


def delete_cookie(request: Request, response: Response, name: str) -> None:
    """Take a cookie of ours back."""
    set_cookie(request, response, name, "", seconds=0)


def _name(request: Request, name: str) -> str:
    return f"__Host-{name}" if is_https(request.app.state.settings) else name
