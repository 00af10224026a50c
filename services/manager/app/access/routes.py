"""Which scope of a key each route asks for; a route that isn't here asks for `admin`."""

from typing import Final

from services.common.access.keys import KeyScope

METRICS_PATHS: Final = frozenset({"/metrics", "/metrics/"})
EXACT: Final[dict[tuple[str, str], KeyScope]] = {
    ("POST", "/api/v1/request"): KeyScope.SERVE,
    ("POST", "/v1/chat/completions"): KeyScope.SERVE,
    ("GET", "/v1/models"): KeyScope.SERVE,
    **{
        ("GET", path): KeyScope.READ
        for path in ("/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json", *METRICS_PATHS)
    },
}
# A path that goes on after one of these with a single part.
BELOW: Final[dict[tuple[str, str], KeyScope]] = {
    ("GET", "/v1/models/"): KeyScope.SERVE,
    ("GET", "/api/v1/requests/"): KeyScope.READ,
}


def find_scope(method: str, path: str) -> KeyScope | None:
    """Return the scope that a route asks for; None where no rule names it."""
    scope = EXACT.get((method, path))
    if scope is None:
        parent, slash, name = path.rpartition("/")
        scope = BELOW.get((method, parent + slash)) if name else None
    return scope
