"""Forms: what somebody sends, if it came from a page of ours, and what the Manager is asked."""

import hmac
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request

from services.common.access.browsers import CsrfTokenError, matches_csrf_token
from services.common.admin.schemas import Serving
from services.common.errors import InvalidRequestError
from services.common.models import Prompt
from services.common.resilience.hang_ups import while_connected
from services.console.app.web.viewer import Viewer

CSRF_FIELD: Final = "csrf_token"
MAX_FIELDS: Final = 200

Body = TypeVar("Body", bound=BaseModel)


async def read_form(request: Request, viewer: Viewer) -> FormData:
    """Read a form that changes something; lines end with a line feed alone, files are left out.

    Raises:
        CsrfTokenError: If it came from no page of ours.
    """
    sent = await request.form(max_files=0, max_fields=MAX_FIELDS)
    check_csrf(viewer, sent.get(CSRF_FIELD))
    return FormData(
        [
            (name, value.replace("\r\n", "\n"))
            for name, value in sent.multi_items()
            if isinstance(value, str)
        ]
    )


def check_csrf(viewer: Viewer, token: object) -> None:
    """Refuse a change that didn't bring the token of the viewer's session."""
    given = token if isinstance(token, str) else ""
    known = viewer.view.csrf_token
    is_known = bool(known) and hmac.compare_digest(given.encode("utf-8", "replace"), known.encode())
    if not is_known and not matches_csrf_token(given, viewer.session):
        raise CsrfTokenError("This form is too old, or no page of ours. Load the page anew.")


def read_body(shape: type[Body], values: Mapping[str, object], sentence: str = "") -> Body:
    """Make what the admin API takes of a form's fields.

    Args:
        sentence: What is said where they can't be used; else it is the first field's problem.

    Raises:
        InvalidRequestError: If a field can't be used; what it held, a password say, isn't told.
    """
    try:
        return shape.model_validate({k: v for k, v in values.items() if k in shape.model_fields})
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise InvalidRequestError(sentence or f"{field}: {problem['msg']}") from None


async def send(
    request: Request, viewer: Viewer, method: str, path: str, body: BaseModel | None = None
) -> Any:
    """Call the admin API with the viewer's own session, and return its answer.

    Who leaves the page ends the call, and so what is tried for them.

    Raises:
        ClientGoneError: If they left.
        RefusedError: If the Manager refuses.
        ManagerAwayError: If it can't be reached.
    """
    calling = request.app.state.admin.call(
        method, path, body, session=viewer.session, csrf_token=viewer.view.csrf_token
    )
    return await while_connected(request.receive, calling)


def name_path(prompt: Prompt, what: str) -> str:
    """Name what is done to a prompt's task type, as the admin API's paths do."""
    return f"/prompts/{quote(prompt.task_type, safe='')}/{what}"


def read_serving(form: FormData) -> Serving:
    """Read which prompt somebody saw serving when they decided."""
    return read_body(Serving, form, "The form lacks what served when it was shown.")
