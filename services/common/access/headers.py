"""Reads from a request's head what says who calls."""

from starlette.types import Scope

BEARER = "bearer "
ADMIN_PREFIX = "/api/v1/admin"


def is_always_open(path: str) -> bool:
    """Tell whether a path is a health check's, which nobody has to be known for."""
    return path == "/health" or path.startswith("/health/")


def read_header(scope: Scope, name: bytes) -> str:
    """Return a header's value; where it comes several times, they are joined by commas."""
    values = [value for key, value in scope["headers"] if key == name]
    return b",".join(values).decode("latin-1")


def read_bearer(scope: Scope) -> str:
    """Return what follows `Bearer` in the Authorization header; empty where nothing does."""
    value = read_header(scope, b"authorization")
    return value[len(BEARER) :].strip() if value[: len(BEARER)].lower() == BEARER else ""
