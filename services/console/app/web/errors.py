"""Pages in place of what can't be shown: what is the matter, and what to do next."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.common.errors import DatabaseUnavailableError, ServiceError, UnauthenticatedError
from services.common.middleware import error_response
from services.console.app.web.exports import wants_export
from services.console.app.web.rendering import Renderer, render

SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Explanation:
    """A title, and what to do next."""

    title: str
    advice: str


OURS: Final = Explanation(
    "Something went wrong here",
    "Load the page anew. If it stays, look for the request id in: selfheal logs console",
)
BY_CODE: Final = {
    "csrf_token_invalid": Explanation(
        "This form is too old", "Go back, load the page anew, and send it again."
    ),
    "database_unavailable": Explanation(
        "The database is away",
        "Nothing can be shown until it is back. See what runs with: selfheal status",
    ),
    "manager_unavailable": Explanation(
        "The Manager is away",
        "It says who may see what, so nothing is shown until it is back. See what runs with: "
        "selfheal status",
    ),
}
BY_STATUS: Final = {
    401: Explanation("Sign in first", "This is for people who have signed in."),
    403: Explanation(
        "This isn't for you", "Whoever administers the console can give you another role."
    ),
    404: Explanation(
        "There is nothing here", "It may have been removed. Begin again from one of the pages."
    ),
    405: Explanation("That can't be done here", "Begin again from one of the pages."),
    413: Explanation("That is too much at once", "Send a shorter text."),
    429: Explanation("Too many attempts", "Wait a moment, and try again."),
}
NOT_UNDERSTOOD: Final = Explanation(
    "This can't be understood", "Go back, correct what is named below, and send it again."
)


def answer_error(request: Request, error: ServiceError) -> Response:
    """Answer an error with a page, or to a program with JSON.

    With the database away whoever saw a page before sees it again as it was.
    """
    if not is_for_reading(request):
        return error_response(request, error)
    if isinstance(error, DatabaseUnavailableError):
        renderer: Renderer = request.app.state.renderer
        if (kept := renderer.last_page(request)) is not None:
            return kept
    page = render(
        request,
        "error.html",
        status_code=error.status_code,
        explanation=explain(error),
        message=error.message,
        request_id=str(request.state.request_id),
    )
    for name in error.headers.keys() & {"retry-after", "allow"}:
        page.headers[name] = error.headers[name]
    return page


async def send_to_sign_in(request: Request, _error: Exception) -> Response:
    """Send a person who has to sign in to where that is done, and back afterwards."""
    if request.method != "GET" or not accepts_pages(request):
        return answer_error(request, UnauthenticatedError("Sign in first, and try again."))
    here = Renderer.address_of(request)
    query = f"?{urlencode({'next': here})}" if here != "/" else ""
    return RedirectResponse(f"/sign-in{query}", 303)


def explain(error: ServiceError) -> Explanation:
    """Choose what to say of an error."""
    status = error.status_code
    known = BY_CODE.get(error.code) or BY_STATUS.get(status)
    return known or (OURS if status >= SERVER_ERROR else NOT_UNDERSTOOD)


def accepts_pages(request: Request) -> bool:
    """Tell whether who asks is a browser."""
    return "text/html" in request.headers.get("accept", "")


def is_for_reading(request: Request) -> bool:
    """Tell whether an answer is to be read by a person, and not by a program."""
    return accepts_pages(request) and wants_export(request) is None
