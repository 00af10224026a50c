"""Checks the token that lets the Optimizer ask for what no other client may."""

import hmac

from pydantic import SecretStr

from services.common.errors import ForbiddenError


def require_internal_token(given: str | None, expected: SecretStr | None, *, field: str) -> None:
    """Refuse a field that only the Optimizer may send.

    Args:
        given: The token that came with the request.
        expected: The service's own token; without one nothing is let in.
        field: Name of the field, for the message.

    Raises:
        ForbiddenError: If the token isn't the service's own.
    """
    own = expected.get_secret_value() if expected else ""
    if not own or not hmac.compare_digest((given or "").encode(), own.encode()):
        raise ForbiddenError(
            f"{field} is for the Optimizer alone: it, the Worker and the Evaluator need the same "
            "INTERNAL_TOKEN."
        )
