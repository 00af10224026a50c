"""Tells failures in OpenAI's shape, as its clients read them."""

from typing import Any

from pydantic import BaseModel

from services.common.errors import ServiceError

# Under it, errors have OpenAI's shape.
OPENAI_PREFIX = "/v1/"
BAD_REQUEST = 400
SERVER_ERRORS = 500
WORTH_A_RETRY = (408, 409, 429)
DONT_RETRY = {"x-should-retry": "false"}
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class OpenAIErrorContent(BaseModel):
    """What went wrong, as OpenAI's clients read it."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(BaseModel):
    """What every failure under /v1/ is answered with."""

    error: OpenAIErrorContent


def name_retry(status: int) -> dict[str, str]:
    """Return the header that keeps OpenAI's clients from trying again what can't help."""
    is_final = BAD_REQUEST <= status < SERVER_ERRORS and status not in WORTH_A_RETRY
    return dict(DONT_RETRY) if is_final else {}


def openai_error(error: ServiceError) -> dict[str, Any]:
    """Return what a client is told of `error`; `param` is what its context names."""
    status = error.status_code
    by_class = "server_error" if status >= SERVER_ERRORS else "invalid_request_error"
    content = OpenAIErrorContent(
        message=error.message,
        type=_TYPES.get(status, by_class),
        param=error.context.get("param"),
        code=error.code,
    )
    return OpenAIError(error=content).model_dump()
