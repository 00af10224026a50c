"""What the services' OpenAPI descriptions say of failures and of streams."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from services.common.schemas import ErrorResponse

# A streamed chat completion for OpenAPI: what each of its events is.
CHAT_EVENTS: Mapping[str, Any] = {
    "itemSchema": {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {
                "description": "A chunk; the error that ends the stream; or, at its end, [DONE]",
                "anyOf": [
                    {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "contentSchema": {
                            "type": "object",
                            "anyOf": [{"required": ["choices"]}, {"required": ["error"]}],
                        },
                    },
                    {"const": "[DONE]"},
                ],
            }
        },
    }
}
# Failures that a route may answer with, by their status, and when.
FAILURES_OF_ANY_ROUTE: Mapping[int, str] = {
    401: "The caller isn't known",
    403: "The caller may not do that",
    500: "Something went wrong on our side; the log has the details",
}
FAILURES_WITH_A_BODY: Mapping[int, str] = {
    400: "The body can't be read",
    413: "The body is too large",
    415: "The body isn't declared as JSON",
    422: "The request is not valid",
}
CALLED_BEFORE: Mapping[int, str] = {
    400: "The body can't be read, or the Idempotency-Key is none",
    409: "Another try with the same Idempotency-Key is under way",
    422: "The request is not valid, or its Idempotency-Key came before with another body",
}


def describe_failures(
    *failures: Mapping[int, str], model: type[BaseModel] = ErrorResponse
) -> dict[int | str, dict[str, Any]]:
    """Describe failures for a route's OpenAPI description.

    Args:
        failures: By their status, when they come.
        model: What they are answered with.
    """
    return {
        status: {"model": model, "description": reason}
        for reasons in failures
        for status, reason in reasons.items()
    }
