"""Which scope each route asks for; a route that isn't here asks for `admin`."""

from typing import Final

from services.common.access.headers import ADMIN_PREFIX
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
# Of the admin API, below its prefix; a name or an id is written as `*`.
ADMIN: Final[dict[tuple[str, str], KeyScope]] = {
    ("POST", "/prompts/*/activate"): KeyScope.APPROVE,
    ("POST", "/prompts/*/rollback"): KeyScope.APPROVE,
    ("POST", "/prompts/*/trial"): KeyScope.OPERATE,
    ("POST", "/prompts/*/draft"): KeyScope.OPERATE,
    ("POST", "/runs/*/approve"): KeyScope.APPROVE,
    ("POST", "/runs/*/reject"): KeyScope.APPROVE,
    ("POST", "/runs/*/undo"): KeyScope.APPROVE,
    ("GET", "/rollouts"): KeyScope.READ,
    ("POST", "/rollouts/*/promote"): KeyScope.APPROVE,
    ("POST", "/rollouts/*/abort"): KeyScope.APPROVE,
    ("POST", "/rollouts/*/pause"): KeyScope.APPROVE,
    ("POST", "/rollouts/*/resume"): KeyScope.APPROVE,
    ("GET", "/jobs/*"): KeyScope.READ,
    ("POST", "/requests/*/replay"): KeyScope.OPERATE,
    ("POST", "/evaluations"): KeyScope.OPERATE,
    ("POST", "/keys"): KeyScope.ADMIN,
    ("DELETE", "/keys/*"): KeyScope.ADMIN,
    ("POST", "/users"): KeyScope.ADMIN,
    ("PATCH", "/users/*"): KeyScope.ADMIN,
    ("POST", "/message"): KeyScope.ADMIN,
    ("GET", "/condition"): KeyScope.READ,
}
# Those by which people come and go: nobody has to be known yet.
SIGN_IN: Final = frozenset(
    {
        ("GET", f"{ADMIN_PREFIX}/session"),
        ("POST", f"{ADMIN_PREFIX}/session"),
        ("DELETE", f"{ADMIN_PREFIX}/session"),
        ("POST", f"{ADMIN_PREFIX}/oidc/start"),
        ("POST", f"{ADMIN_PREFIX}/oidc/finish"),
    }
)


def is_admin_path(path: str) -> bool:
    """Tell whether a path is the admin API's, where people are known as well as keys."""
    return path.startswith(f"{ADMIN_PREFIX}/")


def find_scope(method: str, path: str) -> KeyScope | None:
    """Return the scope that a route asks for; None where no rule names it."""
    if is_admin_path(path):
        return _find_admin_scope(method, path.removeprefix(ADMIN_PREFIX))
    scope = EXACT.get((method, path))
    if scope is None:
        parent, slash, name = path.rpartition("/")
        scope = BELOW.get((method, parent + slash)) if name else None
    return scope


def _find_admin_scope(method: str, path: str) -> KeyScope | None:
    _, first, *rest = path.split("/")
    if rest and rest[0]:
        rest[0] = "*"
    return ADMIN.get((method, "/".join(["", first, *rest])))
