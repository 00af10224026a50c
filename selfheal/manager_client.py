"""The command line's side of the Manager's API."""

import http.client
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Final

from pydantic import ValidationError

from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.schemas import AgentRequest, AgentResponse, ErrorResponse

TIMEOUT_SECONDS = 180
# The Manager is asked itself, whatever proxy the environment names for the internet.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# What to do where no answer comes, by the first kind of error that fits.
_REMEDIES: dict[type[BaseException], str] = {
    ConnectionRefusedError: "Start the system with: selfheal up",
    TimeoutError: "See what it is at with: selfheal status; selfheal logs manager",
    ConnectionError: "See why it ended with: selfheal status; selfheal logs manager",
    Exception: "Check MANAGER_URL and MANAGER_PORT.",
}
_REMEDIES_BY_CODE: Final = {"unauthenticated": "Put it into SELFHEAL_API_KEY for this command."}


class RequestFailedError(EmbeddedRuntimeError):
    """The Manager refused or failed a request, or isn't there."""


def make_key_header(settings: Settings) -> dict[str, str]:
    """Return the header that carries SELFHEAL_API_KEY, where there is one."""
    key = settings.selfheal_api_key
    return {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}


def send_request(settings: Settings, user_input: str, *, task_type: str) -> AgentResponse:
    """Have a request answered and scored.

    Raises:
        RequestFailedError: If there is no answer; the message is the Manager's own.
    """
    manager_url = settings.manager_url
    # Checked by the Manager, not here: its error is the one that a user should see.
    body = AgentRequest.model_construct(user_input=user_input, task_type=task_type)
    try:
        request = urllib.request.Request(  # noqa: S310 - the URL is the operator's own setting
            f"{manager_url.rstrip('/')}/api/v1/request",
            data=body.model_dump_json().encode(),
            headers={"Content-Type": "application/json"} | make_key_header(settings),
        )
        with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as response:
            return AgentResponse.model_validate_json(response.read())
    except urllib.error.HTTPError as error:
        raise _explain(error, manager_url) from error
    except ValidationError as error:
        raise RequestFailedError(
            f"What answers at {manager_url} is no Manager of this version.",
            remedy="Check MANAGER_URL, and restart with: selfheal down && selfheal up",
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        kind = next((kind for kind in _REMEDIES if isinstance(reason, kind)), Exception)
        raise RequestFailedError(
            f"The Manager at {manager_url} gives no answer ({reason}).", remedy=_REMEDIES[kind]
        ) from error


def _explain(error: urllib.error.HTTPError, manager_url: str) -> RequestFailedError:
    try:
        answer = ErrorResponse.model_validate_json(error.read())
    except ValidationError:
        return RequestFailedError(
            f"What answers at {manager_url} answered HTTP {error.code} without a reason.",
            remedy="Is it the Manager? See selfheal status, and MANAGER_PORT or MANAGER_URL.",
        )
    # What the caller did wrong was refused before it was logged.
    is_logged = error.code >= HTTPStatus.INTERNAL_SERVER_ERROR
    return RequestFailedError(
        f"{answer.message} [{answer.code}]",
        remedy=f"See: selfheal logs --failed (request {answer.request_id})"
        if is_logged
        else _REMEDIES_BY_CODE.get(answer.code, ""),
    )
