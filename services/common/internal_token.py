"""Checks the token by which the parts of the system know one another."""

import hmac
from collections.abc import Callable

from pydantic import SecretStr
from starlette.types import Scope

from services.common.access.headers import is_always_open, read_bearer, read_header
from services.common.access.networks import UnprotectedError, must_ask, name_exposure
from services.common.errors import ForbiddenError, UnauthenticatedError
from services.common.settings.process import ServiceSettings

TOKEN_HEADER = b"x-internal-token"


def matches_token(given: str | None, expected: SecretStr | None) -> bool:
    """Tell whether a token is the service's own; without one of its own, none is."""
    own = expected.get_secret_value() if expected else ""
    return bool(own) and hmac.compare_digest((given or "").encode(), own.encode())


def require_internal_token(given: str | None, expected: SecretStr | None, *, field: str) -> None:
    """Refuse a field that only the Optimizer may send.

    Args:
        given: The token that came with the request.
        expected: The service's own token; without one nothing is let in.
        field: Name of the field, for the message.

    Raises:
        ForbiddenError: If the token isn't the service's own.
    """
    if not matches_token(given, expected):
        raise ForbiddenError(
            f"{field} is for the Optimizer alone: it, the Worker and the Evaluator need the same "
            "INTERNAL_TOKEN."
        )


def create_token_check(
    settings: ServiceSettings, token: SecretStr | None
) -> Callable[[Scope], None]:
    """Create what lets the system's own parts in, and nobody else, where others reach a service.

    Raises:
        UnprotectedError: If others reach it and it has no token.
    """
    if not must_ask(settings):
        return lambda _scope: None
    if not token:
        raise UnprotectedError(
            f"Others reach this service ({name_exposure(settings)}), and it has no INTERNAL_TOKEN "
            "to know the Manager and the Optimizer by. Make one with: selfheal migrate "
            "--internal-token-file FILE, and set INTERNAL_TOKEN_FILE to that file for all four "
            "(`selfheal up` does so itself). Or set BIND_HOST=127.0.0.1."
        )

    def check(scope: Scope) -> None:
        if is_always_open(scope["path"]):
            return
        # Prometheus' configuration can't send a header of another name.
        given = read_header(scope, TOKEN_HEADER) or read_bearer(scope)
        if not matches_token(given, token):
            raise UnauthenticatedError(
                "This service is for the system's own parts: send INTERNAL_TOKEN in the header "
                "X-Internal-Token."
            )

    return check
