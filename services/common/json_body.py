"""Holds request bodies to JSON: declared as such, and with no number that JSON doesn't have."""

import json
from typing import NoReturn

from fastapi import Request

from services.common.errors import InvalidRequestError, UnsupportedMediaTypeError

METHODS_WITH_A_BODY = frozenset({"POST", "PUT", "PATCH"})
# Python's parser takes these words for numbers, unlike JSON's grammar (RFC 8259).
NUMBERS_OF_PYTHON_ONLY = (b"NaN", b"Infinity")


async def require_json(request: Request) -> None:
    """Refuse what FastAPI would read as something else, or as more than JSON.

    Raises:
        UnsupportedMediaTypeError: If the body isn't declared as JSON.
        InvalidRequestError: If it holds NaN or an infinity, be it in a field that nobody reads.
    """
    if request.method not in METHODS_WITH_A_BODY:
        return
    body = await request.body()
    if not body:
        return
    if not _is_json(request.headers.get("content-type", "")):
        raise UnsupportedMediaTypeError
    if any(word in body for word in NUMBERS_OF_PYTHON_ONLY):
        json.loads(body, parse_constant=_refuse_constant)


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    kind, _, subtype = media_type.partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidRequestError(f"The request is not valid: body: {name} is not JSON.")
