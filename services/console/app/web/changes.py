"""What pages ask the Manager to change, in the name of whoever looks at them."""

from typing import Any
from urllib.parse import quote

from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.requests import Request

from services.common.admin.schemas import Serving
from services.common.models import Prompt
from services.console.app.web.forms import read_body
from services.console.app.web.viewer import Viewer


async def send(
    request: Request, viewer: Viewer, method: str, path: str, body: BaseModel | None = None
) -> Any:
    """Call the admin API with the viewer's own session, and return its answer.

    Raises:
        RefusedError: If the Manager refuses.
        ManagerAwayError: If it can't be reached.
    """
    return await request.app.state.admin.call(
        method, path, body, session=viewer.session, csrf_token=viewer.view.csrf_token
    )


def name_path(prompt: Prompt, what: str) -> str:
    """Name what is done to a prompt's task type, as the admin API's paths do."""
    return f"/prompts/{quote(prompt.task_type, safe='')}/{what}"


def read_serving(form: FormData) -> Serving:
    """Read which prompt somebody saw serving when they decided."""
    return read_body(Serving, form, "The form lacks what served when it was shown.")
