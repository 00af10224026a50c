"""Pages in place of what can't be shown: what is the matter, and what to do next."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.common.errors import DatabaseUnavailableError, ServiceError, UnauthenticatedError
from services.common.middleware import error_response
from services.console.app.web.exports import wants_export
from services.console.app.web.rendering import Renderer, render


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
        status=error.status_code,
        code=error.code,
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


def accepts_pages(request: Request) -> bool:
    """Tell whether who asks is a browser."""
    return "text/html" in request.headers.get("accept", "")


def is_for_reading(request: Request) -> bool:
    """Tell whether an answer is to be read by a person, and not by a program."""
    return accepts_pages(request) and wants_export(request) is None
