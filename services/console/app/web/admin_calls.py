"""Calls of the admin API for whoever looks at a page, made of what their form holds."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from services.common.errors import InvalidRequestError
from services.console.app.web.viewer import Viewer

Body = TypeVar("Body", bound=BaseModel)


async def call_manager(
    request: Request, viewer: Viewer, method: str, path: str, body: BaseModel | None = None
) -> Any:
    """Call the Manager's admin API in the viewer's name.

    Raises:
        ServiceError: If the Manager refuses, or is away.
    """
    return await request.app.state.admin.call(
        method, path, body, session=viewer.session, csrf_token=viewer.view.csrf_token
    )


def read_body(shape: type[Body], values: Mapping[str, object]) -> Body:
    """Make what the admin API takes of a form's fields.

    Raises:
        InvalidRequestError: If a field can't be used; what it held, a password say, isn't told.
    """
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise InvalidRequestError(f"{field}: {problem['msg']}") from None
