"""Tells failures in OpenAI's shape, as its clients read them."""

from typing import Any

from services.common.errors import ServiceError

# Under it, errors have OpenAI's shape.
OPENAI_PREFIX = "/v1/"
SERVER_ERRORS = 500
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def openai_error(error: ServiceError) -> dict[str, Any]:
    """Return what a client is told of `error`; `param` is what its context names."""
    status = error.status_code
    by_class = "server_error" if status >= SERVER_ERRORS else "invalid_request_error"
    return {
        "error": {
            "message": error.message,
            "type": _TYPES.get(status, by_class),
            "param": error.context.get("param"),
            "code": error.code,
        }
    }
